"""The whole store as it was at one instant, as a copy that can be read."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from exactly_once.client import Address, Command
from exactly_once.cluster import Cluster
from exactly_once.errors import ServerError, StoreUnavailable
from exactly_once.migrations import migrate_copy
from exactly_once.revision import Revision, parse_reply, revision_query
from exactly_once.schema import Schema
from exactly_once.store import Store
from operations.backup import temp_server
from operations.backup.replication import CopyFailed, copy_data
from shop.repositories.keys import Keys

#: Commands in one go.
BATCH = 500
#: How many keys a SCAN looks at before it answers.
SCAN_COUNT = 5000
TIMEOUT_S = 0.5


def ids(names: Iterable[str], prefix: str) -> list[str]:
    """The ids of everything that has a hash of its own with this prefix, in order: what belongs to one of them has
    another colon in its name."""
    rests = (name.removeprefix(prefix) for name in names if name.startswith(prefix))
    return sorted(id for id in rests if ":" not in id)


class Snapshot:
    """What one node held, or a backup has: its keys, and the replies to whatever is asked about them."""

    def __init__(self, source: str, server: temp_server.TempServer, pattern: str) -> None:
        self.source = source
        self._server = server
        self._pattern = pattern

    def names(self) -> frozenset[str]:
        """Every key of the shop."""
        names: set[str] = set()
        cursor = b"0"
        while True:
            cursor, some = self._server.run([("SCAN", cursor, "MATCH", self._pattern, "COUNT", SCAN_COUNT)])[0]
            names.update(name.decode(errors="replace") for name in some)
            if cursor == b"0":
                return frozenset(names)

    def migrate(self, schema: Schema, keys: Keys) -> None:
        """Bring the copy to this schema. What it is a copy of stays as it is."""
        migrate_copy(lambda command: _text(self._server.run([command])[0]), keys, schema)

    def replies(self, commands: Iterable[Command]) -> Iterator[Any]:
        """The replies in their order, in bytes; an exception in the place of one where it is an error."""
        rest = iter(commands)
        while some := list(islice(rest, BATCH)):
            yield from self._server.run(some)


def _text(reply: Any) -> Any:
    """A reply of texts and numbers, its bytes decoded."""
    if isinstance(reply, Exception):
        raise reply
    if isinstance(reply, list):
        return [_text(part) for part in reply]
    return reply.decode() if isinstance(reply, bytes) else reply


@contextmanager
def load_snapshot(folder: Path, source: str, keys: Keys, program: str) -> Iterator[Snapshot]:
    """The copy in this folder, for as long as the context lasts; `program` as for `Snapshots`.

    Raises:
        TempServerFailed: it cannot be loaded here.
    """
    with temp_server.serve(folder, program) as server:
        yield Snapshot(source, server, keys.pattern)


class Snapshots:
    """Takes snapshots of the store, from a replica where one is up to date. `program` names the server that loads
    them; where it is empty, the one installed with the project does."""

    def __init__(self, *, cluster: Cluster, store: Store, keys: Keys, program: str) -> None:
        self._topology = cluster.topology
        self._nodes = cluster.nodes
        self._store = store
        self._keys = keys
        self._program = program

    @contextmanager
    def take(self) -> Iterator[Snapshot]:
        """The store now, for as long as the context lasts; nothing is left of it afterwards.

        Raises:
            StoreUnavailable: no node answers, or none gives a copy.
            TempServerFailed: the copy cannot be loaded here.
        """
        with tempfile.TemporaryDirectory(prefix="evergreen-") as name:
            folder = Path(name)
            source = self.copy(folder)
            with load_snapshot(folder, source, self._keys, self._program) as snapshot:
                yield snapshot

    def copy(self, folder: Path) -> str:
        """Put a copy of the store as it is now into the folder; the node that gave it. Every write that was
        acknowledged before is in it.

        Raises:
            StoreUnavailable: no node answers, or none gives a copy.
        """
        faults = ["no node answers"]
        for source, known_as in self._sources():
            try:
                copy_data(source, folder / temp_server.DATA, credentials=self._nodes.credentials, known_as=known_as)
            except CopyFailed as error:
                faults.append(str(error))
            else:
                return str(source)
        raise StoreUnavailable(f"No node gives a copy of its data: {faults[-1]}.")

    def _sources(self) -> Iterator[tuple[Address, Address | None]]:
        view = self._topology.refresh()
        revision = self._store.revision()
        for replica in view.replicas:
            if self._has(replica, revision):
                yield replica, None
        if view.primary:
            others = [address for address in view.known if address != view.primary]
            yield view.primary, others[0] if others else None

    def _has(self, replica: Address, revision: Revision) -> bool:
        try:
            (stored,) = self._nodes[replica].run(revision_query(self._keys.revision), timeout=TIMEOUT_S)
            return parse_reply(stored) >= revision
        except ServerError:
            return False
