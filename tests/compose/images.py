"""Build the images of the deployment: `python -m tests.compose.images`, beside something else that takes a while."""

import tempfile
from pathlib import Path

from devstack.temporary import locked_network
from tests.compose.containers import deployed
from tests.compose.engine import Engine, find

NETWORK = "172.29"


def build(engine: Engine) -> None:
    """Build every image from this tree, as far as the engine has not built it already."""
    with (
        tempfile.TemporaryDirectory(prefix="evergreen-images-") as directory,
        locked_network(NETWORK) as network,
        deployed(engine, network, Path(directory)) as containers,
    ):
        containers.build()


if __name__ == "__main__":
    found = find()
    if not found:
        raise SystemExit("a Docker engine with Compose is missing")
    build(found)
