"""A directory of backups: each is there whole or not at all, and the oldest make room."""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from operations.backup.encryption import SUFFIX
from operations.backup.manifest import Manifest

#: What stands for the standard input or output where a file is named.
STREAM = "-"
DRAFT = ".draft"


class DirectoryLocked(Exception):
    """Another process writes a backup into this directory."""


class BackupDirectory:
    """The backups of one store below one path; only those are ever touched."""

    def __init__(self, path: Path, store: str) -> None:
        self._path = path
        self._store = store

    def backups(self) -> list[Path]:
        """All of them, the newest first."""
        stamp = "[0-9]" * 8 + "T" + "[0-9]" * 6 + "Z"
        names = (f"{self._store}-{stamp}.tar{suffix}" for suffix in ("", SUFFIX))
        return sorted((path for name in names for path in self._path.glob(name)), reverse=True)

    def add(self, manifest: Manifest, write: Callable[[BinaryIO], None], suffix: str = "") -> Path:
        """Where the backup is, once all of it is on the disk. Its name ends in `suffix`.

        Raises:
            DirectoryLocked.
            OSError: it cannot be written; nothing is left of it.
        """
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self._path / f"{self._store}-{manifest.instant:%Y%m%dT%H%M%SZ}.tar{suffix}"
        with self._alone() as directory:
            draft = target.with_name(f".{target.name}{DRAFT}")
            try:
                _written(draft, write)
                draft.replace(target)
                os.fsync(directory)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
        return target

    def keep(self, newest: int) -> list[Path]:
        """Remove all but so many; those that are gone."""
        surplus = self.backups()[newest:]
        for path in surplus:
            path.unlink(missing_ok=True)
        return surplus

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


def open_source(file: str) -> BinaryIO:
    """The file of this name, or the standard input. Raises OSError."""
    return sys.stdin.buffer if file == STREAM else Path(file).open("rb")


def _written(draft: Path, write: Callable[[BinaryIO], None]) -> None:
    # Passwords' hashes and people's addresses are in it.
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
