"""One version for the package and its API."""

import tomllib
from importlib.metadata import PackageNotFoundError

import pytest
from django.conf import settings

from evergreen import version


def test_the_api_document_has_the_version_of_pyproject():
    declared = tomllib.loads(version.PYPROJECT.read_text())["project"]["version"]
    assert settings.SPECTACULAR_SETTINGS["VERSION"] == declared


def test_an_installed_distribution_has_the_last_word(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(version, "installed_version", {"evergreen-stores": "7.1.0"}.__getitem__)
    assert version.read_version() == "7.1.0"


def test_a_source_tree_that_is_not_installed_reads_pyproject(monkeypatch: pytest.MonkeyPatch, tmp_path):
    def not_installed(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(version, "installed_version", not_installed)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "7.2.0"\n')
    assert version.read_version(tmp_path / "pyproject.toml") == "7.2.0"
