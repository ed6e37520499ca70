"""`manage.py migrate_store`: a store of an earlier version gets the layout of this one."""

import argparse
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from configuration import ConfigurationError
from exactly_once import StoreUnavailable
from shop.bootstrap import container
from shop.management.store import ABSENT
from shop.repositories.migrations import VERSION

DESCRIPTION = """\
Brings the store to the schema of this version. Every API instance does the same when it starts; this command does it by
hand, before instances start. Stop every instance of the earlier version first: from the first moment on, none of its
writes takes effect. It may be interrupted and run again.

exit status:
  0  the store has the schema of this version, or is empty
  2  it does not, and the text says why
"""


class Command(BaseCommand):
    help = DESCRIPTION

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument("--timeout", type=float, default=600.0, metavar="S", help="seconds that it may take (600)")

    def handle(self, **options: Any) -> None:
        try:
            settings.CONFIGURATION.require()
            found = container().migrator.migrate(options["timeout"], self.stderr.write)
        except ConfigurationError as error:
            raise CommandError(ABSENT, returncode=2) from error
        except StoreUnavailable as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(_report(found))


def _report(found: int | None) -> str:
    if found is None:
        return f"The store is empty: its first write gives it schema {VERSION}."
    if found == VERSION:
        return f"The store has schema {VERSION} already."
    return f"Migrated the store from schema {found} to {VERSION}."
