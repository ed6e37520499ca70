"""`manage.py backup`: the whole store as one file."""

import argparse
import os
import re
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from exactly_once.errors import Unavailable
from operations import bootstrap
from operations.backup.backups import Backup, StoreEmpty
from operations.backup.directory import STREAM, BackupDirectory, DirectoryLocked, open_source
from operations.backup.encryption import KeyUnusable, read_identities
from operations.backup.tar_archive import BackupDamaged
from operations.backup.temp_server import TempServerFailed
from operations.management.interruption import interrupt_on_sigterm
from shop.management.store import answering

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FAULTS = (Unavailable, TempServerFailed, StoreEmpty, DirectoryLocked, KeyUnusable, OSError)
NOT_ENCRYPTED = (
    "The backup is not encrypted, and has password hashes and addresses: set EVERGREEN_BACKUP_RECIPIENTS, or give "
    "--plain."
)
DESCRIPTION = """\
Copies the whole store as it is at one instant, from a replica where one has every write, while sales go on; loads the
copy once to see that it can be loaded and to count what is in it; and writes it with a manifest and its SHA-256 as one
tar file. It is there under its name whole or not at all. With EVERGREEN_BACKUP_RECIPIENTS it is encrypted to these
public keys of age.

  manage.py backup /backups --keep 24 --every 1h    goes on until it is ended
  manage.py backup - | ssh elsewhere 'cat > evergreen.tar.age'
  manage.py backup - | restic backup --stdin --stdin-filename evergreen.tar.age
  manage.py backup --verify /backups/evergreen-20260101T000000Z.tar.age --identity key.txt

exit status:
  0  the backup was made; or the one to verify is right
  1  the one to verify is damaged, or check_stock finds something in it
  2  no backup could be made, and the ones there are untouched; or the one to verify could not be looked at
  With --every, a turn that fails says so on the standard error, and the next one tries again.
"""


class Command(BaseCommand):
    help = DESCRIPTION

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument("target", nargs="?", help="the directory to write it to, or - for the standard output")
        parser.add_argument("--keep", type=_count, metavar="N", help="afterwards, remove all but the newest N there")
        parser.add_argument("--every", type=_seconds, metavar="TIME", help="go on: 30m, 6h, 1d")
        parser.add_argument("--verify", metavar="FILE", help="check this backup (- for the standard input) instead")
        parser.add_argument("--identity", metavar="FILE", help="with --verify: the secret keys of age that open it")
        parser.add_argument("--plain", action="store_true", help="do not encrypt it, and do not warn of that")

    def handle(self, **options: Any) -> None:
        try:
            with interrupt_on_sigterm():
                self._act(options)
        except KeyboardInterrupt:
            raise CommandError("Stopped.", returncode=130) from None

    def _act(self, options: dict[str, Any]) -> None:
        target = options["target"]
        self._is_plain = options["plain"]
        if options["verify"]:
            self._verify(options["verify"], options["identity"])
        elif not target:
            raise CommandError("Where to? Name a directory, or - for the standard output.", returncode=2)
        elif target == STREAM:
            self._send(options)
        elif options["every"]:
            self._go_on(Path(target), options["keep"], options["every"])
        else:
            _or_exit(lambda: self._make(Path(target), options["keep"]))

    def _make(self, directory: Path, keep: int | None) -> None:
        started = time.monotonic()
        backups = BackupDirectory(directory, settings.EVERGREEN_STORE)
        with self._taken() as backup:
            path = backups.add(backup.manifest, backup.write, backup.suffix)
        self.stdout.write(f"{path}: {_summary(backup, time.monotonic() - started)}")
        if keep:
            for gone in backups.keep(keep):
                self.stdout.write(f"{gone}: removed, {keep} newer ones are there")

    def _send(self, options: dict[str, Any]) -> None:
        if options["keep"] or options["every"]:
            raise CommandError("--keep and --every are for a directory.", returncode=2)
        if sys.stdout.isatty():
            raise CommandError("A backup is no text: send it to a file or another command, not here.", returncode=2)
        _or_exit(self._stream)

    def _stream(self) -> None:
        started = time.monotonic()
        with self._taken() as backup, os.fdopen(os.dup(1), "wb") as stream:
            backup.write(stream)
        self.stderr.write(_summary(backup, time.monotonic() - started), style_func=str)

    def _taken(self) -> AbstractContextManager[Backup]:
        if not self._is_plain and not settings.EVERGREEN_BACKUP_RECIPIENTS:
            self.stderr.write(NOT_ENCRYPTED)
        snapshots = bootstrap.snapshots(answering(), settings.EVERGREEN_REDIS_SERVER)
        return bootstrap.backups(is_plain=self._is_plain).take(snapshots)

    def _go_on(self, directory: Path, keep: int | None, every: float) -> None:
        due = time.monotonic()
        while True:
            try:
                self._make(directory, keep)
            except (*FAULTS, CommandError) as error:
                self.stderr.write(
                    f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {_failure(error)} The next turn tries again."
                )
            self.stdout.flush()
            now = time.monotonic()
            due = max(due + every, now)
            time.sleep(due - now)

    def _verify(self, file: str, identity: str | None) -> None:
        backups = bootstrap.backups()
        try:
            identities = read_identities(Path(identity)) if identity else []
            with open_source(file) as stream, backups.open(stream, identities) as opened:
                violations = backups.violations(opened, lambda what: None)
                manifest = opened.manifest
        except BackupDamaged as error:
            raise CommandError(f"{file} is not to be relied on: {error}.", returncode=1) from error
        except (TempServerFailed, KeyUnusable, OSError) as error:
            raise CommandError(f"{file} could not be looked at: {error}", returncode=2) from error
        self.stdout.write(f"{file}: {manifest.contents} as of {manifest.instant:%Y-%m-%dT%H:%M:%SZ}; checksum right")
        if violations:
            raise CommandError(f"check_stock finds {len(violations):,} violations in it.", returncode=1)


def _or_exit(make: Callable[[], None]) -> None:
    try:
        make()
    except FAULTS as error:
        raise CommandError(_failure(error), returncode=2) from error


def _failure(error: Exception) -> str:
    return f"No backup was made: {error}".rstrip(".") + "."


def _summary(backup: Backup, seconds: float) -> str:
    manifest = backup.manifest
    megabytes = manifest.size / 1e6
    return f"{manifest.contents}, {megabytes:.1f} MB, copied from {manifest.source}, in {seconds:.1f} s"


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text} is no number of backups to keep: give 1 or more.")
    return int(text)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if not match or not int(match[1]):
        raise ArgumentTypeError(f"{text} is no time: give a number and s, m, h or d, as in 6h.")
    return float(int(match[1]) * UNITS[match[2]])
