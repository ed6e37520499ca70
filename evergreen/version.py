"""The version of the package, which is the version of the API: pyproject.toml names it once."""

import tomllib
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

DISTRIBUTION = "evergreen-stores"
PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def read_version(pyproject: Path = PYPROJECT) -> str:
    """Return the installed distribution's version; that of `pyproject` where the source tree runs uninstalled."""
    try:
        return installed_version(DISTRIBUTION)
    except PackageNotFoundError:
        version: str = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["version"]
        return version
