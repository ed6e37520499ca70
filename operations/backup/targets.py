"""What every target of backups has in common: the names of backups, and what a target can do."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Protocol

from operations.backup.encryption import SUFFIX
from operations.backup.manifest import Manifest

#: In the place of a name: the newest backup of the store.
NEWEST = "newest"
_INSTANT = "%Y%m%dT%H%M%SZ"


class TargetUnusable(Exception):
    """A target cannot be written, read or found; the text says what to do."""


class NoBackup(TargetUnusable):
    """The target has no backup of this store, or none of this name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredBackup:
    """A backup in a target. `location` is what `restore` takes, `size` the bytes of the whole file."""

    location: str
    name: str
    instant: datetime
    size: int

    @property
    def is_encrypted(self) -> bool:
        """Whether its name is that of an encrypted backup."""
        return self.name.endswith(SUFFIX)

    def age_s(self, now: datetime) -> float:
        """Seconds since the instant of the backup."""
        return (now - self.instant).total_seconds()


class BackupTarget(Protocol):
    """The backups of one store in one place; nothing else there is ever touched."""

    def backups(self) -> list[StoredBackup]:
        """All of them, the newest first. Raises TargetUnusable."""

    def add(self, manifest: Manifest, write: Callable[[BinaryIO], None], suffix: str = "") -> StoredBackup:
        """Store the backup that `write` writes, under a name that ends in `suffix`; it is there whole or not at all.

        Raises:
            TargetUnusable, OSError: it cannot be written; nothing is under its name.
        """

    def keep(self, newest: int) -> list[StoredBackup]:
        """Remove all but so many; those that are gone. Raises TargetUnusable, OSError."""

    def open(self, name: str) -> BinaryIO:
        """The backup of this name as a stream. Raises NoBackup, TargetUnusable, OSError."""


def name_of(manifest: Manifest, suffix: str) -> str:
    """The name of the backup with this manifest."""
    return f"{manifest.store}-{manifest.instant:{_INSTANT}}.tar{suffix}"


def instant_of(name: str, store: str) -> datetime | None:
    """The instant in the name of a backup of this store; None where it is no such name."""
    match = re.fullmatch(rf"{re.escape(store)}-(\d{{8}}T\d{{6}}Z)\.tar(?:{re.escape(SUFFIX)})?", name)
    try:
        return datetime.strptime(match[1], _INSTANT).replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


def newest_first(backups: Iterable[StoredBackup]) -> list[StoredBackup]:
    """These backups, the newest first."""
    return sorted(backups, key=lambda each: (each.instant, each.name), reverse=True)


def newest_of(backups: Sequence[StoredBackup], place: str) -> StoredBackup:
    """The newest of these backups. Raises NoBackup."""
    if not backups:
        raise NoBackup(f"{place} has no backup of this store: correct the target, or EVERGREEN_STORE")
    return backups[0]
