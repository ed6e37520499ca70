"""The launcher of a data node: decides before the server starts which role it may take, and gives it that role after.

The decisions are made in roles.py; this module collects what they need and carries them out.
"""

import argparse
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agents import damage, torn_tail
from agents.certificates import Certificate, listening
from agents.file_age import watch_file
from agents.lag_agent import watch_replicas
from agents.launch import exec_server, is_running, log, write_private
from agents.node_status import NOWHERE_PORT, ClusterProbe, NodeStatus
from agents.own_server import NodesBeside
from agents.role_actions import RoleActions
from agents.roles import SILENCE_TIMEOUT_S, WAIT, Action, find_missing, may_set_aside, may_start, next_step
from agents.secrets import NODE, REPLICA, Secrets, with_secrets
from exactly_once.client import Address, ErrorReply
from exactly_once.errors import ServerError

POLL_S = 0.1
#: Between two looks of a node with damaged files; and before a server that did not start is started again.
EXAMINE_POLL_S, RETRY_S = 0.5, 1.0
#: Growth of the append-only file, in percent, at which the first of the nodes rewrites it, and how much later the last
#: one does, however many there are. All files grow alike: at the same growth all nodes would fork at the same instant.
REWRITE_GROWTH_PERCENT, REWRITE_SPREAD_PERCENT = 100, 70
#: Seconds between two snapshots of the first of the nodes, and how many more of each other one, for the same reason.
SNAPSHOT_INTERVAL_S, SNAPSHOT_STAGGER_S = 3600, 600


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeOptions:
    """What a data node is started with. `configuration` is what all nodes share, `directory` is this node's own;
    `nodes` are all data nodes, this one among them; it listens at `bind` where that is not the host of `address`, under
    which it is announced; `maxmemory` and `appendfsync` are as the server takes them."""

    server: Path
    configuration: Path
    directory: Path
    address: Address
    nodes: tuple[Address, ...]
    sentinels: tuple[Address, ...]
    primary_name: str
    revision_key: str
    secrets: Secrets
    certificate: Certificate | None = None
    bind: str = ""
    maxmemory: str = "1gb"
    appendfsync: str = "everysec"

    @property
    def host(self) -> str:
        """Where the server listens."""
        return self.bind or self.address.host

    @property
    def peers(self) -> tuple[Address, ...]:
        """The other data nodes."""
        return tuple(node for node in self.nodes if node != self.address)

    @property
    def own_configuration(self) -> Path:
        """The file that the server is started with."""
        return self.directory / "redis.conf"

    @property
    def loading(self) -> Path:
        """The file that is there from a server's start until it has loaded its data."""
        return self.directory / "loading"

    @property
    def order_to_lead(self) -> Path:
        """The file by which an operator orders that this node leads without those that are missing. It holds for one
        start: a launcher removes it first."""
        return self.directory / "lead-without-missing-nodes"


def main(words: Sequence[str] | None = None) -> None:
    """Become the server of the node that these words, or the command line, describe."""
    options = _parse(words)
    try:
        options.directory.mkdir(parents=True, exist_ok=True)
        options.order_to_lead.unlink(missing_ok=True)
        _wait_for_election(options)
        _prepare(options)
    except OSError as error:
        log(f"{options.directory} cannot be used: {error.strerror}. Make room, or correct its owner", "error")
        time.sleep(RETRY_S)
        sys.exit(1)
    exec_server(_command(options), lambda server_pid: _run_companion(options, server_pid))


def _probe(options: NodeOptions) -> ClusterProbe:
    nodes = NodesBeside(options.address, options.host, credentials=options.secrets.credentials(NODE))
    return ClusterProbe(options.sentinels, options.primary_name, options.revision_key, nodes)


def _command(options: NodeOptions) -> list[str]:
    return [str(options.server), str(options.own_configuration)]


def _prepare(options: NodeOptions) -> None:
    """Write what the server is started with. Cut a torn file back, and set files that are damaged aside where another
    node has all."""
    _write_configuration(options)
    # The last server did not get through its files: it was killed, or could not load them.
    if options.loading.exists():
        failure = damage.examine(_command(options), options.directory)
        if failure and failure.file:
            if not _cut_back(options, failure):
                _replace_damaged(options, failure)
        elif failure:
            log(f"the server does not start: {failure.reason}", "error")
            time.sleep(RETRY_S)
    options.loading.touch()


def _write_configuration(options: NodeOptions) -> None:
    write_private(options.own_configuration, configuration(options))


def _cut_back(options: NodeOptions, failure: damage.LoadFailure) -> bool:
    """Cut the file back where only its tail is torn. Return whether it was."""
    repair = torn_tail.cut_back(options.directory, options.server, datetime.now(UTC))
    if repair:
        reason = failure.reason.partition(" reading")[0]
        log(
            f"{repair.file} was torn ({reason}): cut back by {repair.dropped_bytes} bytes, to its last whole command. "
            f"The torn file is in {repair.aside}",
            "warning",
        )
    return repair is not None


def _replace_damaged(options: NodeOptions, failure: damage.LoadFailure) -> None:
    log(
        f"{options.directory}/{failure.file} is damaged: {failure.reason.rstrip('.')}. Waiting until another data node "
        "is primary and has the data, to set this directory aside and copy it. Where all nodes are damaged, restore a "
        "backup (docs/backup.md)",
        "error",
    )
    with closing(_probe(options)) as probe:
        while not may_set_aside(options.address, probe.consensus(), probe.statuses(options.peers)):
            time.sleep(EXAMINE_POLL_S)
    aside = damage.set_aside(options.directory, datetime.now(UTC))
    log(f"the damaged files are in {aside}: delete them once the store is whole. Copying from the primary", "warning")
    _write_configuration(options)


def configuration(options: NodeOptions) -> str:
    """The node's own configuration: it has no primary yet, and cannot be elected."""
    position = options.nodes.index(options.address) if options.address in options.nodes else 0
    growth = REWRITE_GROWTH_PERCENT + position * REWRITE_SPREAD_PERCENT // max(len(options.nodes) - 1, 2)
    return "\n".join(
        [
            "# Written anew at each start.",
            f'include "{options.configuration}"',
            f"bind {options.host}",
            f"bind-source-addr {options.host}",
            *listening(options.address, options.certificate),
            f"replica-announce-ip {options.address.host}",
            f'dir "{options.directory}"',
            f"maxmemory {options.maxmemory}",
            f"appendfsync {options.appendfsync}",
            f'aclfile "{options.secrets.node_rules}"',
            f"masteruser {REPLICA}",
            f"masterauth {options.secrets.password(REPLICA)}",
            f"auto-aof-rewrite-percentage {growth}",
            f"save {SNAPSHOT_INTERVAL_S + position * SNAPSHOT_STAGGER_S} 1",
            "replica-priority 0",
            f"replicaof {options.host} {NOWHERE_PORT}",
            "",
        ]
    )


def _parse(words: Sequence[str] | None) -> NodeOptions:
    parser = argparse.ArgumentParser(prog="python -m agents.node", description=__doc__)
    parser.add_argument("--server", type=Path, required=True)
    parser.add_argument("--configuration", type=Path, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--address", type=Address.parse, required=True)
    parser.add_argument("--bind", default="")
    parser.add_argument("--nodes", type=Address.parse_all, required=True)
    parser.add_argument("--sentinels", type=Address.parse_all, required=True)
    parser.add_argument("--primary-name", required=True)
    parser.add_argument("--revision-key", required=True)
    parser.add_argument("--secrets", type=Path, required=True)
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--maxmemory", default="1gb")
    parser.add_argument("--appendfsync", default="everysec")
    return NodeOptions(**with_secrets(vars(parser.parse_args(words))))


def _wait_for_election(options: NodeOptions) -> None:
    """Return when the server may start: at once, but for a primary that others could replace."""
    started = time.monotonic()
    waited_s, is_logged = 0.0, False
    with closing(_probe(options)) as probe:
        while not may_start(options.address, probe.consensus(), probe.statuses(options.peers), waited_s):
            if not is_logged:
                log("the Sentinels call this node primary, and another one lives: waiting until they have elected it")
            is_logged = True
            time.sleep(POLL_S)
            waited_s = time.monotonic() - started


def _run_companion(options: NodeOptions, server_pid: int) -> None:
    with closing(_probe(options)) as probe:
        _assign_role(options, probe, server_pid)
    credentials = options.secrets.credentials(NODE)
    # A thread of its own: it waits for minutes.
    own = NodesBeside(options.address, options.host, options.host, credentials)
    watched = (own, options.address, options.nodes, options.directory, server_pid)
    threading.Thread(target=watch_file, args=watched, name="file age", daemon=True).start()
    own = NodesBeside(options.address, options.host, options.host, credentials)
    watch_replicas(own, options.address, options.sentinels, options.primary_name, server_pid)


def _assign_role(options: NodeOptions, probe: ClusterProbe, server_pid: int) -> None:
    """Give the server the role that it may take. Return when it has one, or has ended."""
    assignment = _Assignment(options, probe)
    while not assignment.is_done and is_running(server_pid):
        time.sleep(POLL_S)
        with _retried_later():
            assignment.look()


class _Assignment:
    """The steps of one server to its role: one at each look, of which any may fail."""

    def __init__(self, options: NodeOptions, probe: ClusterProbe) -> None:
        self._options, self._probe = options, probe
        self._actions = RoleActions(probe=probe, directory=options.directory, revision_key=options.revision_key)
        self._started, self._is_logged = time.monotonic(), False
        self.is_done = False

    def look(self) -> None:
        """Take the next step. Raises ServerError, ErrorReply, OSError, and RuntimeError where the machine has no thread
        left."""
        options = self._options
        status, peers = self._probe.status(options.address), self._probe.statuses(options.peers)
        elapsed_s = _since(self._started)
        if status.is_ready:
            _remove(options.loading)
        # Before the Sentinels are waited for: another node's data may be on its way.
        self._actions.protect(status, peers)
        consensus = self._probe.consensus()
        step = next_step(status, consensus, peers, elapsed_s, is_forced=options.order_to_lead.exists())
        if not self._is_logged and step == WAIT and elapsed_s > SILENCE_TIMEOUT_S:
            self._is_logged = _log_missing(options, find_missing(status, consensus, peers))
        self._actions.carry_out(step, [status, *peers])
        # Not before the step has succeeded: the node could never be elected otherwise.
        self.is_done = step.action is Action.FINISH
        if self.is_done:
            _remove(options.order_to_lead)


def _remove(file: Path) -> None:
    """Remove a file that is only a mark: a node that cannot takes its role all the same."""
    with _retried_later():
        file.unlink(missing_ok=True)


def _since(started: float) -> float:
    return time.monotonic() - started


def _log_missing(options: NodeOptions, missing: Sequence[NodeStatus]) -> bool:
    if missing:
        named = ", ".join(f"{node.address} ({'empty' if node.is_ready else node.state.value})" for node in missing)
        log(
            f"waiting for the data of {named}: a write may be acknowledged that is nowhere else. Start what is down. "
            f"Where its data is lost for good, `touch {options.order_to_lead}` makes the others lead without it",
            "warning",
        )
    return bool(missing)


@contextmanager
def _retried_later() -> Iterator[None]:
    """Log and swallow what a node that does not answer now raises, or a disk, or a machine without a thread left: it is
    tried again at the next look."""
    try:
        yield
    except (ServerError, ErrorReply, OSError, RuntimeError) as error:
        log(f"not now: {error}")


if __name__ == "__main__":
    main()
