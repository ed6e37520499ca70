"""The manifests with every component."""

from pathlib import Path

import pytest

from tests.kubernetes.manifests import COMPONENTS, Manifests, parse, prepare, render


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An overlay that deploy/kubernetes/init has made."""
    return prepare(tmp_path_factory.mktemp("kubernetes"))


@pytest.fixture(scope="session")
def manifests(local: Path) -> Manifests:
    """The shop with every component but the one that gives up what the others promise."""
    return parse(render(local, *(name for name in COMPONENTS if name != "single-node")))
