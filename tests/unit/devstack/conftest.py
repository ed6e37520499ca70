import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.layout import Layout
from devstack.settings import Settings


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A topology that nothing of runs."""
    made = Layout(settings=Settings(run=tmp_path / "run", network="127.24.0", port=18080))
    yield made
    shutil.rmtree(made.memory, ignore_errors=True)
