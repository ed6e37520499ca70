"""The peer's gunicorn: as the shop's, but for what belongs to the shop alone: its log and its membership."""

from pathlib import Path
from runpy import run_path

SHOP = Path(__file__).resolve().parents[2] / "deploy" / "gunicorn.conf.py"
OF_THE_SHOP = {"post_worker_init", "worker_exit", "logconfig_dict"}

globals().update({name: value for name, value in run_path(str(SHOP)).items() if name not in OF_THE_SHOP})
