"""The launcher of a Sentinel: writes its configuration where it has none, execs it, and runs a companion beside it that
makes failovers fast (failover_tuning.py) and has an isolated primary replaced (isolation.py).
"""

import argparse
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from string import Template
from threading import Thread

from agents.certificates import Certificate, listening
from agents.failover_tuning import tune_failover
from agents.isolation import replace_isolated_primary
from agents.launch import exec_server, write_private
from agents.own_server import NodesBeside
from agents.secrets import NODE, SENTINEL, Secrets, with_secrets
from exactly_once.client import Address

#: A line that `_access` writes, or that a Sentinel has written in its place.
_ACCESS = re.compile(
    r"(?:bind(?:-source-addr)?|port|tls-[a-z-]+|aclfile|user|sentinel (?:auth|sentinel)-(?:user|pass))\s",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SentinelOptions:
    """What a Sentinel is started with. `directory` is its own; of `nodes`, the first is the primary of a new store.
    `sentinels` are all of them, this one among them: a majority is its quorum. It listens at `bind` where that is not
    the host of `address`, under which it is announced."""

    server: Path
    template: Path
    directory: Path
    address: Address
    nodes: tuple[Address, ...]
    sentinels: tuple[Address, ...]
    primary_name: str
    secrets: Secrets
    certificate: Certificate | None = None
    bind: str = ""

    @property
    def host(self) -> str:
        """Where the Sentinel listens."""
        return self.bind or self.address.host

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
    isolation = _nodes_beside(options), options.address, options.primary_name, server_pid
    Thread(target=replace_isolated_primary, args=isolation, daemon=True).start()
    with closing(_nodes_beside(options)) as nodes:
        tune_failover(nodes, options.address, options.primary_name, server_pid)


def _nodes_beside(options: SentinelOptions) -> NodesBeside:
    """Connections of one thread, from where the Sentinel listens."""
    return NodesBeside(options.address, options.host, options.host, options.secrets.credentials(NODE))


def write_configuration(options: SentinelOptions) -> None:
    """Write the configuration of a new Sentinel. One that is there may record a failover: of that, only the lines about
    users, passwords and where it listens are replaced. A rotation of passwords changes the former, and a Pod has
    another address at each start."""
    options.directory.mkdir(parents=True, exist_ok=True)
    file = options.configuration_file
    text = file.read_text() if file.exists() else configuration(options)
    lines = [line for line in text.splitlines() if not _ACCESS.match(line)]
    write_private(file, "\n".join([*lines, *_access(options), ""]))


def _access(options: SentinelOptions) -> list[str]:
    """The lines of the configuration that say where, how and by whom this Sentinel is called, and as whom it calls
    others."""
    name, password = options.primary_name, options.secrets.password(SENTINEL)
    return [
        f"bind {options.host}",
        f"bind-source-addr {options.host}",
        *listening(options.address, options.certificate),
        f'aclfile "{options.secrets.sentinel_rules}"',
        f"sentinel auth-user {name} {SENTINEL}",
        f"sentinel auth-pass {name} {password}",
        f"sentinel sentinel-user {SENTINEL}",
        f"sentinel sentinel-pass {password}",
    ]


def configuration(options: SentinelOptions) -> str:
    """The configuration of a new Sentinel: the first data node is the primary, the others are its replicas."""
    primary, *replicas = (f"{node.host} {node.port}" for node in options.nodes)
    return Template(options.template.read_text()).substitute(
        EVERGREEN_SENTINEL_ADDRESS=options.address.host,
        EVERGREEN_SENTINEL_PORT=str(options.address.port),
        EVERGREEN_SENTINEL_DIRECTORY=str(options.directory),
        EVERGREEN_PRIMARY=primary,
        EVERGREEN_QUORUM=str(len(options.sentinels) // 2 + 1),
        EVERGREEN_REPLICAS="\n".join(f"sentinel known-replica {options.primary_name} {node}" for node in replicas),
        REDIS_MASTER_NAME=options.primary_name,
    )


def _parse(words: Sequence[str] | None) -> SentinelOptions:
    parser = argparse.ArgumentParser(prog="python -m agents.sentinel", description=__doc__)
    parser.add_argument("--server", type=Path, required=True)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--address", type=Address.parse, required=True)
    parser.add_argument("--bind", default="")
    parser.add_argument("--nodes", type=Address.parse_all, required=True)
    parser.add_argument("--sentinels", type=Address.parse_all, required=True)
    parser.add_argument("--primary-name", required=True)
    parser.add_argument("--secrets", type=Path, required=True)
    parser.add_argument("--certificate", type=Path)
    return SentinelOptions(**with_secrets(vars(parser.parse_args(words))))


if __name__ == "__main__":
    main()
