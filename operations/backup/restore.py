"""Bringing an empty store back from a backup.

The keys are written into a database beside the shop's own, through the primary and like any write, so the Sentinels see
nothing unusual and the replicas follow. Only when all of it is there on every node do the two databases change places,
in one step: whatever interrupts a restore, the shop sees all of it or nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from secrets import token_hex

from configuration import PROGRAM
from exactly_once.client import Address, Command, ErrorReply, Node
from exactly_once.cluster import Cluster
from exactly_once.errors import Indeterminate, ServerError
from operations.backup.export import export_commands
from operations.backup.snapshot import Snapshot
from shop.repositories.keys import Keys

#: The database beside the shop's own, 0.
ASIDE_DATABASE = 1
#: Commands, and bytes of what they write, that are sent together.
MAX_COMMANDS, MAX_LOAD_BYTES = 1000, 2**18
#: Seconds for one such load; milliseconds that replicas may take to have it.
TIMEOUT_S, WAIT_MS = 60.0, 30_000
#: What PEXPIRETIME says of a key that does not expire.
NO_EXPIRY = -1
#: How many keys are restored between two lines about it.
PROGRESS_KEYS = 50_000

_CLAIM = """
redis.call('SELECT', 1)
local restoring = redis.call('GET', KEYS[1])
if redis.call('DBSIZE') > 0 and not restoring then return 'FOREIGN' end
redis.call('SELECT', 0)
if redis.call('DBSIZE') > 0 then return 'NOT_EMPTY' end
redis.call('SELECT', 1)
redis.call('FLUSHDB', 'ASYNC')
redis.call('SET', KEYS[1], ARGV[1])
return 'OK'
"""
_SHOW = """
redis.call('SELECT', 1)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'FOREIGN' end
redis.call('SELECT', 0)
if redis.call('DBSIZE') > 0 then return 'NOT_EMPTY' end
redis.call('SELECT', 1)
redis.call('DEL', KEYS[1])
redis.call('SELECT', 0)
redis.call('SWAPDB', 0, 1)
return 'OK'
"""
_REASONS = {
    "NOT_EMPTY": (
        "The store is not empty, and a restore replaces nothing. Start a topology with empty directories or volumes, "
        "its API instances and workers not running, and restore into that; docs/backup.md says how."
    ),
    "FOREIGN": (
        "Database 1 of the nodes, into which a restore goes at first, holds what this restore has not put there: let "
        "another restore end, or empty it with `FLUSHDB` after `SELECT 1`."
    ),
}


class RestoreFailed(Exception):
    """The store is as empty as it was before; the text says why, and what to do."""


class RestoreUnconfirmed(Exception):
    """All of it was sent, and whether every node shows it is not known; the text says why."""


class Restorer:
    """Fills an empty store."""

    def __init__(self, *, cluster: Cluster, keys: Keys) -> None:
        self._cluster = cluster
        self._topology = cluster.topology
        self._credentials = cluster.nodes.credentials
        self._keys = keys
        self._replicas = cluster.replicas

    def require_empty(self) -> None:
        """Return where a restore can begin: everything runs, and nothing is in it.

        Raises:
            RestoreFailed.
        """
        primary = self._primary()
        try:
            with closing(Node(primary, credentials=self._credentials)) as node:
                size = node.run(("DBSIZE",), timeout=TIMEOUT_S)[0]
        except ServerError as error:
            raise _interrupted(error) from error
        if size:
            raise RestoreFailed(_REASONS["NOT_EMPTY"])

    def restore(self, snapshot: Snapshot, watch: Callable[[str], None]) -> None:
        """Write everything in the snapshot into the store. `watch` gets a line for each step.

        Raises:
            RestoreFailed.
            RestoreUnconfirmed.
            UnexportableKey: the snapshot holds what no shop writes.
        """
        primary = self._primary()
        try:
            with closing(Node(primary, credentials=self._credentials)) as node:
                _Run(node, self._keys, self._replicas, watch).restore(snapshot)
        except (ServerError, ErrorReply) as error:
            raise _interrupted(error) from error
        if self._topology.refresh().primary != primary:
            raise RestoreUnconfirmed("The primary changed at the last moment")

    def _primary(self) -> Address:
        report, view = self._cluster.report(), self._topology.refresh()
        if report.status != "ok" or view.primary is None:
            raise RestoreFailed(
                "Not every node and Sentinel of the topology is there, and a restore is to reach them all: "
                f"`{PROGRAM} doctor` says what is missing."
            )
        return view.primary


class _Run:
    def __init__(self, node: Node, keys: Keys, replicas: int, watch: Callable[[str], None]) -> None:
        self._node = node
        self._keys = keys
        self._replicas = replicas
        self._watch = watch
        self._token = token_hex(16)

    def restore(self, snapshot: Snapshot) -> None:
        self._run_script(_CLAIM)
        names = sorted(snapshot.names())
        for place in range(0, len(names), PROGRESS_KEYS):
            for load in _loads(export_commands(snapshot, names[place : place + PROGRESS_KEYS])):
                self._send(load)
            self._watch(f"Restored {min(place + PROGRESS_KEYS, len(names)):,} of {len(names):,} keys.")
        self._count(snapshot, names)
        try:
            self._run_script(_SHOW)
        except Indeterminate as error:
            raise RestoreUnconfirmed(f"The primary did not answer to the last step ({error})") from error

    def _run_script(self, source: str) -> None:
        script = ("EVAL", source, 1, self._keys.restoring, self._token)
        said, copies = self._node.run(script, ("WAIT", self._replicas, WAIT_MS), timeout=TIMEOUT_S)
        if said != "OK":
            raise RestoreFailed(_REASONS[said])
        if copies < self._replicas:
            raise RestoreUnconfirmed("Not every replica has confirmed the last step")

    def _send(self, load: Sequence[Command]) -> None:
        # The database is named with every load: should the connection be another one, it is not the shop's own.
        *_, copies = self._node.run(
            ("SELECT", ASIDE_DATABASE), *load, ("WAIT", self._replicas, WAIT_MS), timeout=TIMEOUT_S
        )
        if copies < self._replicas:
            raise RestoreFailed(f"A replica no longer follows: see `{PROGRAM} doctor`, and restore once more.")

    def _count(self, snapshot: Snapshot, names: Sequence[str]) -> None:
        lasting = sum(expiry == NO_EXPIRY for expiry in snapshot.replies(("PEXPIRETIME", name) for name in names))
        keyspace = self._node.run(("INFO", "keyspace"), timeout=TIMEOUT_S)[0]
        line = next((line for line in keyspace.splitlines() if line.startswith(f"db{ASIDE_DATABASE}:")), "")
        figures = dict(part.split("=") for part in line.partition(":")[2].split(",") if part)
        arrived = int(figures.get("keys", 0)) - int(figures.get("expires", 0)) - 1
        if arrived != lasting:
            raise RestoreFailed(f"{arrived:,} keys arrived, and {lasting:,} were sent. Restore once more.")


def _loads(commands: Iterator[Command]) -> Iterator[list[Command]]:
    load: list[Command] = []
    size = 0
    for command in commands:
        load.append(command)
        size += sum(len(part) if isinstance(part, bytes | str) else 8 for part in command)
        if len(load) >= MAX_COMMANDS or size >= MAX_LOAD_BYTES:
            yield load
            load, size = [], 0
    if load:
        yield load


def _interrupted(fault: Exception) -> RestoreFailed:
    return RestoreFailed(f"The primary did not go on ({fault}): the store is still empty. Restore once more.")
