"""Linters that other people wrote find nothing in the OpenAPI document."""

import shutil
from pathlib import Path

import pytest

from clients.tools import NODE
from tests.clients.conftest import Run


@pytest.fixture
def folder(document: Path, tmp_path: Path) -> Path:
    """A folder with the document and the rules."""
    for path in (document, NODE / ".spectral.yaml", NODE / "redocly.yaml"):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path


def test_spectral_finds_nothing(run: Run, folder: Path):
    said = run("spectral", "lint", "openapi.json", "--fail-severity", "hint", cwd=folder)
    assert "No results" in said


def test_redocly_finds_nothing(run: Run, folder: Path):
    said = run("redocly", "lint", "openapi.json", cwd=folder, REDOCLY_SUPPRESS_UPDATE_NOTICE="true")
    assert "Your API description is valid" in said
    assert "warning" not in said


def test_spectral_would_find_an_operation_without_a_description(run: Run, folder: Path):
    document = folder / "openapi.json"
    document.write_text(document.read_text("utf-8").replace('"description":"Get', '"x-said":"Get'), "utf-8")
    text = document.read_text("utf-8").replace('"operationId":"users_me"', '"operationId":"users_list"')
    document.write_text(text, "utf-8")
    with pytest.raises(AssertionError, match="operationId"):
        run("spectral", "lint", "openapi.json", "--fail-severity", "hint", cwd=folder)
