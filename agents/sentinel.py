"""The launcher of a Sentinel: writes its configuration where it has none, execs it, and runs a companion beside it that
makes failovers fast (failover_tuning.py) and has an isolated primary replaced (isolation.py).
"""

import argparse
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from string import Template
from threading import Thread

from agents.failover_tuning import tune_failover
from agents.isolation import replace_isolated_primary
from agents.launch import exec_server, write_private
from exactly_once.client import Address, Node


@dataclass(frozen=True, kw_only=True, slots=True)
class SentinelOptions:
    """What a Sentinel is started with. `directory` is its own; of `nodes`, the first is the primary of a new store."""

    server: Path
    template: Path
    directory: Path
    address: Address
    nodes: tuple[Address, ...]
    primary_name: str

    @property
    def configuration_file(self) -> Path:
        """The file that the Sentinel is started with, and rewrites with what it learns."""
        return self.directory / "sentinel.conf"


def main(words: Sequence[str] | None = None) -> None:
    """Become the Sentinel that these words, or the command line, describe."""
    options = _parse(words)
    write_configuration(options)
    command = [str(options.server), str(options.configuration_file), "--sentinel"]
    exec_server(command, lambda server_pid: run_companion(options, server_pid))


def run_companion(options: SentinelOptions, server_pid: int) -> None:
    """Do what Sentinel does not, while it runs as the process `server_pid`."""
    arguments = options.address, options.primary_name, server_pid
    Thread(target=replace_isolated_primary, args=arguments, daemon=True).start()
    with closing(Node(options.address)) as sentinel:
        tune_failover(sentinel, options.primary_name, server_pid)


def write_configuration(options: SentinelOptions) -> None:
    """Write the configuration of a new Sentinel. One that is there is left alone: it may record a failover."""
    options.directory.mkdir(parents=True, exist_ok=True)
    if not options.configuration_file.exists():
        write_private(options.configuration_file, configuration(options))


def configuration(options: SentinelOptions) -> str:
    """The configuration of a new Sentinel: the first data node is the primary, the others are its replicas."""
    primary, *replicas = (f"{node.host} {node.port}" for node in options.nodes)
    return Template(options.template.read_text()).substitute(
        EVERGREEN_SENTINEL_ADDRESS=options.address.host,
        EVERGREEN_SENTINEL_PORT=str(options.address.port),
        EVERGREEN_SENTINEL_DIRECTORY=str(options.directory),
        EVERGREEN_PRIMARY=primary,
        EVERGREEN_REPLICAS="\n".join(f"sentinel known-replica {options.primary_name} {node}" for node in replicas),
        REDIS_MASTER_NAME=options.primary_name,
    )


def _parse(words: Sequence[str] | None) -> SentinelOptions:
    parser = argparse.ArgumentParser(prog="python -m agents.sentinel", description=__doc__)
    parser.add_argument("--server", type=Path, required=True)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--address", type=Address.parse, required=True)
    parser.add_argument("--nodes", type=Address.parse_all, required=True)
    parser.add_argument("--primary-name", required=True)
    return SentinelOptions(**vars(parser.parse_args(words)))


if __name__ == "__main__":
    main()
