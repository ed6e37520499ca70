"""Backups: the store as it was at one instant, with a manifest, and loaded once before it counts as a backup."""

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from operations.backup import encryption, temp_server
from operations.backup.manifest import SCHEMA, Manifest
from operations.backup.snapshot import Snapshot, Snapshots, ids, load_snapshot
from operations.backup.tar_archive import BackupDamaged, checksum, pack, parts, unpack
from operations.store_audit import audit_of
from shop.domain.stock_invariant import Violation
from shop.repositories.keys import Keys
from shop.repositories.migrations import shop_schema
from shop.repositories.records import prefixes


class StoreEmpty(Exception):
    """Nothing was ever written to the store: a backup of it would only take the place of a better one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """A backup that is being made: its manifest, and its data in a file that is deleted with the context. With
    `recipients`, public keys of age, it is encrypted to them."""

    manifest: Manifest
    data: Path
    recipients: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """What the name of its file ends in."""
        return encryption.SUFFIX if self.recipients else ""

    def write(self, stream: BinaryIO) -> None:
        """Write it to the stream as one file. Raises KeyUnusable, OSError."""
        if self.recipients:
            encryption.encrypt(parts(self.manifest, self.data), stream, self.recipients)
        else:
            pack(self.manifest, self.data, stream)


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedBackup:
    """A backup that agrees with its manifest, loaded."""

    manifest: Manifest
    snapshot: Snapshot


class Backups:
    """Takes backups of one shop, and opens them: that needs no store. `program` is the server that loads them, the one
    installed with the project where it is empty; `recipients` are the public keys to which backups are encrypted."""

    def __init__(self, *, keys: Keys, store: str, program: str, recipients: Sequence[str] = ()) -> None:
        self._recipients = tuple(recipients)
        self._keys = keys
        self._store = store
        self._program = program

    @contextmanager
    def take(self, snapshots: Snapshots) -> Iterator[Backup]:
        """A backup of the store now, with every write acknowledged before. A replica is copied where one has them all.

        Raises:
            StoreUnavailable: no node answers, or none gives a copy.
            TempServerFailed: the copy cannot be loaded here, so it is no backup.
            StoreEmpty.
        """
        with tempfile.TemporaryDirectory(prefix="evergreen-") as name:
            folder, instant = Path(name), datetime.now(UTC)
            source = snapshots.copy(folder)
            with load_snapshot(folder, source, self._keys, self._program) as snapshot:
                manifest = self._described(snapshot, instant, folder / temp_server.DATA)
            yield Backup(manifest=manifest, data=folder / temp_server.DATA, recipients=self._recipients)

    @contextmanager
    def open(self, stream: BinaryIO, identities: Sequence[str] = ()) -> Iterator[OpenedBackup]:
        """The backup in the stream, once it is known to be whole; one of an earlier schema is migrated first.
        `identities` are the secret keys of which one opens it, where it is encrypted.

        Raises:
            BackupDamaged: it is not what its manifest says, or of another store.
            KeyUnusable: no identity opens it.
            TempServerFailed: it cannot be loaded here.
        """
        with tempfile.TemporaryDirectory(prefix="evergreen-") as name:
            folder = Path(name)
            manifest = _unpack(stream, folder, identities)
            if manifest.store != self._store:
                raise BackupDamaged(f"it is of the store {manifest.store}: set EVERGREEN_STORE={manifest.store}")
            with load_snapshot(folder, "the backup", self._keys, self._program) as snapshot:
                if manifest.schema < SCHEMA:
                    snapshot.migrate(shop_schema(self._keys), self._keys)
                self._compare(manifest, snapshot)
                yield OpenedBackup(manifest=manifest, snapshot=snapshot)

    def violations(self, opened: OpenedBackup, watch: Callable[[str], None]) -> list[Violation]:
        """The violations that `check_stock` finds in it. `watch` gets a line for each step."""
        return audit_of(opened.snapshot, self._keys, watch).violations

    def _described(self, snapshot: Snapshot, instant: datetime, data: Path) -> Manifest:
        revision = self._revision(snapshot)
        if not revision:
            raise StoreEmpty("The store is empty, and an empty backup would only take the place of a better one.")
        return Manifest(
            schema=SCHEMA,
            store=self._store,
            instant=instant,
            source=snapshot.source,
            revision=revision,
            counts=self._counts(snapshot),
            size=data.stat().st_size,
            sha256=checksum(data),
        )

    def _compare(self, manifest: Manifest, snapshot: Snapshot) -> None:
        actual = self._revision(snapshot), self._counts(snapshot)
        if actual != (manifest.revision, manifest.counts):
            raise BackupDamaged(f"its data has the revision and counts {actual}, and its manifest says otherwise")

    def _counts(self, snapshot: Snapshot) -> dict[str, int]:
        names = snapshot.names()
        return {kind: len(ids(names, prefix)) for kind, prefix in prefixes(self._keys).items()}

    def _revision(self, snapshot: Snapshot) -> int:
        return int(next(snapshot.replies([("GET", self._keys.revision)])) or 0)


def _unpack(stream: BinaryIO, folder: Path, identities: Sequence[str]) -> Manifest:
    """Put the data of the backup into the folder, and return its manifest. An encrypted one is decrypted first as a
    whole: nothing of it is looked at before all of it is authenticated."""
    buffered: io.BufferedReader[Any] = io.BufferedReader(stream)
    try:
        if not encryption.is_encrypted(buffered):
            return unpack(buffered, folder / temp_server.DATA)
        decrypted = folder / "backup.tar"
        with decrypted.open("w+b") as file:
            # Its name goes at once, so that no end of this process leaves it behind.
            decrypted.unlink()
            encryption.decrypt(buffered, file, identities)
            file.seek(0)
            return unpack(file, folder / temp_server.DATA)
    finally:
        buffered.detach()
