"""`manage.py restore`: an empty topology gets everything back."""

import argparse
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from configuration import PROGRAM
from exactly_once.errors import Unavailable
from operations import bootstrap
from operations.backup.encryption import KeyUnusable
from operations.backup.export import UnexportableKey
from operations.backup.manifest import Manifest
from operations.backup.restore import RestoreFailed, RestoreUnconfirmed
from operations.backup.tar_archive import BackupDamaged
from operations.backup.targets import TargetUnusable
from operations.backup.temp_server import TempServerFailed
from operations.management.interruption import interrupt_on_sigterm
from operations.management.sources import open_source, read_keys
from operations.store_audit import Audit
from shop.bootstrap import Container
from shop.domain.stock_invariant import Violation
from shop.management.store import answering

DESCRIPTION = """\
Brings an empty topology back from a backup. The backup is checked first: checksum, counts, and that it can be loaded.
Then everything in it goes through the primary into a database that the shop does not look at; when it is there on every
node, it takes the shop's place in one step. Until then the store is empty, whatever happens. At last a copy is taken
from a node, compared with the manifest, and looked through as check_stock does.

The whole topology must run, with nothing in it, and no API instance and no worker should: what is not empty is refused.

exit status:
  0  restored, and all is right
  1  restored, and what is there now is not right, or could not be checked
  2  not restored: the store is as empty as before
"""


class Command(BaseCommand):
    help = DESCRIPTION

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument(
            "backup",
            metavar="FILE",
            help="the backup: a file, s3://bucket/prefix/NAME, newest as the name; - for the standard input",
        )
        parser.add_argument(
            "--identity",
            metavar="FILE",
            help="the secret keys of age that open an encrypted one; - for the standard input",
        )

    def handle(self, **options: Any) -> None:
        started = time.monotonic()
        try:
            with interrupt_on_sigterm():
                store = answering()
                manifest = _restore(store, options["backup"], options["identity"])
                audit = _audit(store)
        except KeyboardInterrupt:
            raise CommandError("Stopped. If nothing is in the store, nothing was restored.", returncode=130) from None
        _compare(manifest, audit)
        instant = f"{manifest.instant:%Y-%m-%dT%H:%M:%SZ}"
        seconds = time.monotonic() - started
        self.stdout.write(
            f"Restored {manifest.contents}, as of {instant}, in {seconds:.1f} s.\n"
            f"They are on {audit.source} as the manifest says; the stock invariant holds, and every index is right."
        )


def _restore(store: Container, file: str, identity: str | None) -> Manifest:
    try:
        identities = read_keys(identity, file)
        bootstrap.restorer(store).require_empty()
        with open_source(file) as stream, bootstrap.backups().open(stream, identities) as opened:
            _log(f"The backup is whole: {opened.manifest.contents}.")
            bootstrap.restorer(store).restore(opened.snapshot, _log)
            return opened.manifest
    except BackupDamaged as error:
        raise CommandError(f"Nothing was restored. {file} is not to be relied on: {error}.", returncode=2) from error
    except RestoreUnconfirmed as error:
        raise CommandError(f"{error}: run `{PROGRAM} topology` and `check_stock`.", returncode=1) from error
    except (RestoreFailed, UnexportableKey, KeyUnusable, TargetUnusable, TempServerFailed, OSError) as error:
        raise CommandError(f"Nothing was restored. {error}", returncode=2) from error


def _audit(store: Container) -> Audit:
    try:
        return bootstrap.auditor(store, settings.EVERGREEN_REDIS_SERVER).audit(_log)
    except (Unavailable, TempServerFailed) as error:
        raise CommandError(f"Restored, but it could not be checked: {error}", returncode=1) from error


def _compare(manifest: Manifest, audit: Audit) -> None:
    if audit.counts != manifest.counts:
        raise CommandError(f"Restored, but the counts are {audit.counts}, not {manifest.counts}.", returncode=1)
    if audit.violations:
        raise CommandError(f"Restored, but {_summary(audit.violations)}: run check_stock.", returncode=1)


def _summary(violations: list[Violation]) -> str:
    return f"{len(violations):,} violations in it, {violations[0].code} of {violations[0].subject} first"


def _log(what: str) -> None:
    Console(stderr=True).print(what, highlight=False)
