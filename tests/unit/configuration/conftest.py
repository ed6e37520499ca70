import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without variables of the project, but the data directory of a stack."""
    for name in list(os.environ):
        if name.startswith(("EVERGREEN_", "REDIS_", "SECRET_KEY", "GUNICORN_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EVERGREEN_RUN", str(tmp_path))
    return tmp_path
