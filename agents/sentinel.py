"""The launcher of a Sentinel: writes its configuration when it has none, starts it, and stays beside it to make
failovers fast (failover.py) and to have a primary replaced that no replica hears (isolation.py).
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from threading import Thread

from agents.failover_tuning import hasten
from agents.isolation import relieve
from agents.launch import become, write_private
from agents.wire import Address


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """What a Sentinel is started with. `directory` is its own; of `nodes`, the first is the primary of a new store."""

    server: Path
    template: Path
    directory: Path
    me: Address
    nodes: tuple[Address, ...]
    primary_name: str

    @property
    def memory(self) -> Path:
        """The file in which the Sentinel keeps what it has learnt."""
        return self.directory / "sentinel.conf"


def main(words: Sequence[str] | None = None) -> None:
    """Becomes the Sentinel that these words, or the command line, describe."""
    launch = _parse(words)
    remember(launch)
    command = [str(launch.server), str(launch.memory), "--sentinel"]
    become(command, lambda server: stand_by(launch, server))


def stand_by(launch: Launch, server: int) -> None:
    """Does what Sentinel does not, while it runs as the process `server`."""
    Thread(target=relieve, args=(launch.me, launch.primary_name, server), daemon=True).start()
    hasten(launch.me, launch.primary_name, server)


def remember(launch: Launch) -> None:
    """Writes what a new Sentinel knows. What an older one has learnt is left alone: it may be of a failover."""
    launch.directory.mkdir(parents=True, exist_ok=True)
    if not launch.memory.exists():
        write_private(launch.memory, configuration(launch))


def configuration(launch: Launch) -> str:
    """What a Sentinel knows before it has seen anything: the first data node is the primary, the others follow."""
    primary, *replicas = (f"{node.host} {node.port}" for node in launch.nodes)
    return Template(launch.template.read_text()).substitute(
        EVERGREEN_SENTINEL_ADDRESS=launch.me.host,
        EVERGREEN_SENTINEL_PORT=str(launch.me.port),
        EVERGREEN_SENTINEL_DIRECTORY=str(launch.directory),
        EVERGREEN_PRIMARY=primary,
        EVERGREEN_REPLICAS="\n".join(f"sentinel known-replica {launch.primary_name} {node}" for node in replicas),
        REDIS_MASTER_NAME=launch.primary_name,
    )


def _parse(words: Sequence[str] | None) -> Launch:
    parser = argparse.ArgumentParser(prog="python -m agents.sentinel", description=__doc__)
    parser.add_argument("--server", type=Path, required=True)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--me", type=Address.parse, required=True)
    parser.add_argument("--nodes", type=Address.parse_all, required=True)
    parser.add_argument("--primary-name", required=True)
    return Launch(**vars(parser.parse_args(words)))


if __name__ == "__main__":
    main()
