"""The package as `pip install .` leaves it: complete, and usable without the source tree."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

COPIED = ("exactly_once", "configuration", "shop", "operations", "agents", "devstack", "evergreen")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package without its dependencies, which the environment of the tests has."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    for name in COPIED:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--target", str(folder / "site"), str(source)]
    subprocess.run([*pip, *options], check=True, capture_output=True, text=True)
    return folder / "site"


def run(installed: Path, code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=installed.parent,
        env={"PYTHONPATH": str(installed), "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_every_script_template_and_style_is_installed(installed: Path):
    patterns = (
        "exactly_once/lua",
        "shop/repositories/lua",
        "shop/api/templates",
        "shop/api/static",
        "operations/static",
    )
    wanted = {p.relative_to(ROOT) for folder in patterns for p in (ROOT / folder).rglob("*") if p.is_file()}
    assert wanted
    assert [str(path) for path in sorted(wanted) if not (installed / path).is_file()] == []


def test_the_engine_is_imported_from_where_it_is_installed(installed: Path):
    code = "import exactly_once; print(exactly_once.__file__)"
    assert Path(run(installed, code).strip()).is_relative_to(installed)


def test_the_scripts_of_the_shop_load_from_the_package(installed: Path):
    code = "from shop.repositories.scripts import shop_scripts; print(sum(s.is_write for s in shop_scripts()))"
    assert int(run(installed, code)) > 10
