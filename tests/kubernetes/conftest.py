"""The manifests with every component."""

from pathlib import Path

import pytest

from tests.kubernetes.announced import ENCRYPTED
from tests.kubernetes.manifests import COMPONENTS, TLS, Manifests, parse, prepare, render

#: TLS, and the components of which it changes something.
WITH_TLS = ("backup", "monitoring", TLS)
#: Data nodes and Sentinels: each number of either.
NUMBERS = ((2, 3), (3, 3), (4, 5), (5, 5))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An overlay that deploy/kubernetes/init has made."""
    return prepare(tmp_path_factory.mktemp("kubernetes"))


@pytest.fixture(scope="session")
def manifests(local: Path) -> Manifests:
    """The shop with every component but TLS and the one that gives up what the others promise."""
    return parse(render(local, *(name for name in COMPONENTS if name not in (TLS, "single-node"))))


@pytest.fixture(scope="session", params=NUMBERS, ids="{0[0]}+{0[1]}".format)
def numbers(request: pytest.FixtureRequest) -> tuple[int, int]:
    """How many data nodes and Sentinels."""
    found: tuple[int, int] = request.param
    return found


@pytest.fixture(scope="session")
def numbered(numbers: tuple[int, int], encrypted: Manifests, tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """The shop with so many data nodes and Sentinels, and with TLS between the tiers."""
    data_nodes, sentinels = numbers
    if numbers == (3, 3):
        return encrypted
    settings = {"EVERGREEN_REPLICAS": str(data_nodes - 1), "EVERGREEN_SENTINELS": str(sentinels)}
    local = prepare(tmp_path_factory.mktemp("numbered"), *WITH_TLS, **ENCRYPTED, **settings)
    return parse(render(local, *WITH_TLS))


@pytest.fixture(scope="session")
def encrypted_local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An overlay with TLS between the tiers, and with what is encrypted then."""
    return prepare(tmp_path_factory.mktemp("encrypted"), *WITH_TLS, **ENCRYPTED)


@pytest.fixture(scope="session")
def encrypted(encrypted_local: Path) -> Manifests:
    """The shop with TLS between the tiers."""
    return parse(render(encrypted_local, *WITH_TLS))
