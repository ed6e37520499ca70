"""`manage.py backup`: the whole store as one file."""

import argparse
import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from prometheus_client import REGISTRY, disable_created_metrics

from exactly_once.client import Address
from exactly_once.errors import Unavailable
from operations import bootstrap
from operations.backup import schedule
from operations.backup.backups import Backup, StoreEmpty
from operations.backup.directory import STREAM
from operations.backup.durations import parse_duration
from operations.backup.encryption import KeyUnusable
from operations.backup.tar_archive import BackupDamaged
from operations.backup.targets import BackupTarget, StoredBackup, TargetUnusable
from operations.backup.telemetry import ScheduleMetrics, is_young
from operations.backup.temp_server import TempServerFailed
from operations.exporter import server
from operations.management.interruption import interrupt_on_sigterm
from operations.management.sources import open_source, read_keys
from shop.management.store import answering

FAULTS = (Unavailable, TempServerFailed, StoreEmpty, TargetUnusable, KeyUnusable, OSError)
NOT_ENCRYPTED = (
    "The backup is not encrypted, and has password hashes and addresses: set EVERGREEN_BACKUP_RECIPIENTS, or give "
    "--plain."
)
NO_TARGET = (
    "Where to? Name a directory, s3://bucket/prefix, or - for the standard output; or set EVERGREEN_BACKUP_TARGET."
)
DESCRIPTION = """\
Copies the whole store as it is at one instant, from a replica where one has every write, while sales go on; loads the
copy once to see that it can be loaded and to count what is in it; and writes it with a manifest and its SHA-256 as one
tar file. It is there under its name whole or not at all. With EVERGREEN_BACKUP_RECIPIENTS it is encrypted to these
public keys of age. The target is a directory, s3://bucket/prefix, or - for the standard output; without one it is
EVERGREEN_BACKUP_TARGET.

  manage.py backup /backups --keep 24 --every 1h    goes on until it is ended
  manage.py backup s3://bucket/shop --keep 14
  manage.py backup - | ssh elsewhere 'cat > evergreen.tar.age'
  manage.py backup --list s3://bucket/shop
  manage.py backup --max-age 26h s3://bucket/shop
  manage.py backup --verify s3://bucket/shop/newest --identity key.txt

exit status:
  0  the backup was made; or the one to verify is right; or the newest one is young enough
  1  the one to verify is damaged, or check_stock finds something in it; or the newest one is too old, or there is none
  2  no backup could be made, and the ones there are untouched; or what to look at could not be looked at
  3  the backup was made, and older ones could not be removed
  With --every, a turn that fails says so on the standard error, and the next one tries again.
"""


class KeepFailed(TargetUnusable):
    """The backup was made, and older ones could not be removed."""


class Command(BaseCommand):
    help = DESCRIPTION

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument("target", nargs="?", help="where to write it, or to look")
        parser.add_argument("--keep", type=_count, metavar="N", help="afterwards, remove all but the newest N there")
        parser.add_argument("--every", type=_seconds, metavar="TIME", help="go on: 30m, 6h, 1d")
        parser.add_argument("--listen", type=_address, metavar="HOST:PORT", help="with --every: serve /metrics here")
        parser.add_argument("--list", action="store_true", help="list the backups in the target instead")
        parser.add_argument("--max-age", type=_seconds, metavar="TIME", help="check that the newest is younger instead")
        parser.add_argument(
            "--verify",
            metavar="FILE",
            help="check this backup instead (- for the standard input; s3://bucket/prefix/newest)",
        )
        parser.add_argument(
            "--identity",
            metavar="FILE",
            help="with --verify: the secret keys of age that open it; - for the standard input",
        )
        parser.add_argument("--plain", action="store_true", help="do not encrypt it, and do not warn of that")

    def handle(self, **options: Any) -> None:
        try:
            with interrupt_on_sigterm():
                self._act(options)
        except KeyboardInterrupt:
            raise CommandError("Stopped.", returncode=130) from None

    def _act(self, options: dict[str, Any]) -> None:
        target = options["target"] or settings.EVERGREEN_BACKUP_TARGET
        self._is_plain = options["plain"]
        if options["verify"]:
            self._verify(options["verify"], options["identity"])
        elif not target:
            raise CommandError(NO_TARGET, returncode=2)
        elif target == STREAM:
            self._send(options)
        elif options["list"]:
            self._list(_backups(target))
        elif options["max_age"]:
            self._check_age(target, options["max_age"])
        elif options["every"]:
            self._go_on(target, options)
        else:
            _or_exit(lambda: self._make(bootstrap.backup_target(target), options["keep"]))

    def _make(self, target: BackupTarget, keep: int | None) -> StoredBackup:
        started = time.monotonic()
        with self._taken() as backup:
            stored = target.add(backup.manifest, backup.write, backup.suffix)
        self.stdout.write(f"{stored.location}: {_summary(backup, time.monotonic() - started)}")
        if keep:
            try:
                removed = target.keep(keep)
            except (TargetUnusable, OSError) as error:
                raise KeepFailed(f"older ones could not be removed: {error}") from error
            for gone in removed:
                self.stdout.write(f"{gone.location}: removed, {keep} newer ones are there")
        return stored

    def _send(self, options: dict[str, Any]) -> None:
        if any(options[name] for name in ("keep", "every", "list", "max_age")):
            raise CommandError(
                "--keep, --every, --list and --max-age are for a directory or s3://bucket/prefix.", returncode=2
            )
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

    def _go_on(self, place: str, options: dict[str, Any]) -> None:
        metrics = _served_metrics(options["listen"]) if options["listen"] else None
        if metrics:
            # What is there before the first turn: a restart forgets no backup.
            try:
                metrics.stored(bootstrap.backup_target(place).backups())
            except (TargetUnusable, OSError) as error:
                self._report(error)

        def make() -> StoredBackup:
            target = bootstrap.backup_target(place)
            try:
                return self._make(target, options["keep"])
            finally:
                self.stdout.flush()
                if metrics:
                    with suppress(TargetUnusable, OSError):
                        metrics.stored(target.backups())

        schedule.go_on(make, options["every"], metrics, self._report, (*FAULTS, CommandError))

    def _report(self, error: Exception) -> None:
        self.stderr.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {_failure(error)} The next turn tries again.")

    def _list(self, backups: list[StoredBackup]) -> None:
        for backup in backups:
            kind = "encrypted" if backup.is_encrypted else "plain"
            self.stdout.write(f"{backup.location}  {_instant(backup.instant)}  {backup.size:,} bytes  {kind}")

    def _check_age(self, target: str, max_age_s: float) -> None:
        backups, now = _backups(target), datetime.now(UTC)
        if not backups:
            raise CommandError(f"{target} has no backup of this store.", returncode=1)
        newest = backups[0]
        text = f"{newest.location} is {newest.age_s(now) / 3600:.1f} h old"
        if not is_young(backups, max_age_s, now):
            raise CommandError(f"{text}, older than {max_age_s / 3600:.1f} h: make one.", returncode=1)
        self.stdout.write(text)

    def _verify(self, file: str, identity: str | None) -> None:
        backups = bootstrap.backups()
        try:
            identities = read_keys(identity, file)
            with open_source(file) as stream, backups.open(stream, identities) as opened:
                violations = backups.violations(opened, lambda what: None)
                manifest = opened.manifest
        except BackupDamaged as error:
            raise CommandError(f"{file} is not to be relied on: {error}.", returncode=1) from error
        except (TempServerFailed, KeyUnusable, TargetUnusable, OSError) as error:
            raise CommandError(f"{file} could not be looked at: {error}", returncode=2) from error
        self.stdout.write(f"{file}: {manifest.contents} as of {_instant(manifest.instant)}; checksum right")
        if violations:
            raise CommandError(f"check_stock finds {len(violations):,} violations in it.", returncode=1)


def _served_metrics(address: Address) -> ScheduleMetrics:
    disable_created_metrics()
    metrics = ScheduleMetrics(REGISTRY, parse_duration(settings.EVERGREEN_BACKUP_MAX_AGE))
    try:
        server.start(address, REGISTRY, settings.EVERGREEN_MONITORING_PASSWORD)
    except OSError as error:
        raise CommandError(f"It cannot listen at {address}: {error}", returncode=2) from error
    return metrics


def _backups(target: str) -> list[StoredBackup]:
    try:
        return bootstrap.backup_target(target).backups()
    except (TargetUnusable, OSError) as error:
        raise CommandError(f"{target} could not be looked at: {error}", returncode=2) from error


def _or_exit(make: Callable[[], object]) -> None:
    try:
        make()
    except KeepFailed as error:
        raise CommandError(_failure(error), returncode=3) from error
    except FAULTS as error:
        raise CommandError(_failure(error), returncode=2) from error


def _failure(error: Exception) -> str:
    if isinstance(error, KeepFailed):
        return f"The backup was made, and {error}".rstrip(".") + "."
    return f"No backup was made: {error}".rstrip(".") + "."


def _summary(backup: Backup, seconds: float) -> str:
    manifest = backup.manifest
    megabytes = manifest.size / 1e6
    return f"{manifest.contents}, {megabytes:.1f} MB, copied from {manifest.source}, in {seconds:.1f} s"


def _instant(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text} is no number of backups to keep: give 1 or more.")
    return int(text)


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no address: write host:port") from error
