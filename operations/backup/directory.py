"""A directory of backups: each is there whole or not at all, and the oldest make room."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from operations.backup.manifest import Manifest
from operations.backup.targets import NEWEST, StoredBackup, TargetUnusable, instant_of, name_of, newest_first, newest_of

#: What stands for the standard input or output where a file is named.
STREAM = "-"
DRAFT = ".draft"


class DirectoryLocked(TargetUnusable):
    """Another process writes a backup into this directory."""


class BackupDirectory:
    """The backups of one store below one path; only those are ever touched."""

    def __init__(self, path: Path, store: str) -> None:
        self._path = path
        self._store = store

    def backups(self) -> list[StoredBackup]:
        """All of them, the newest first; none where there is no directory."""
        return newest_first(filter(None, map(self._stored, self._path.glob(f"{self._store}-*"))))

    def add(self, manifest: Manifest, write: Callable[[BinaryIO], None], suffix: str = "") -> StoredBackup:
        """The backup, once all of it is on the disk. Its name ends in `suffix`.

        Raises:
            DirectoryLocked.
            OSError: it cannot be written; nothing is left of it.
        """
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self._path / name_of(manifest, suffix)
        with self._alone() as directory:
            draft = target.with_name(f".{target.name}{DRAFT}")
            try:
                _written(draft, write)
                draft.replace(target)
                os.fsync(directory)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
        return StoredBackup(
            location=str(target), name=target.name, instant=manifest.instant, size=target.stat().st_size
        )

    def keep(self, newest: int) -> list[StoredBackup]:
        """Remove all but so many; those that are gone."""
        surplus = self.backups()[newest:]
        for backup in surplus:
            Path(backup.location).unlink(missing_ok=True)
        return surplus

    def open(self, name: str) -> BinaryIO:
        """The file of this name; the newest backup where the name is NEWEST and no file has it. Raises OSError,
        NoBackup."""
        path = self._path / name
        if name == NEWEST and not path.exists():
            path = Path(newest_of(self.backups(), str(self._path)).location)
        return path.open("rb")

    def _stored(self, path: Path) -> StoredBackup | None:
        instant = instant_of(path.name, self._store)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return None
        return StoredBackup(location=str(path), name=path.name, instant=instant, size=size) if instant else None

    @contextmanager
    def _alone(self) -> Iterator[int]:
        directory = os.open(self._path, os.O_RDONLY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The process that left a draft here is dead: the directory was not locked.
            for draft in self._path.glob(f".{self._store}-*{DRAFT}"):
                draft.unlink(missing_ok=True)
            yield directory
        except BlockingIOError as error:
            raise DirectoryLocked(f"another process writes a backup into {self._path}") from error
        finally:
            os.close(directory)


def _written(draft: Path, write: Callable[[BinaryIO], None]) -> None:
    # Passwords' hashes and people's addresses are in it.
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
