"""`manage.py erase_pending`: complete the erasures of users that have begun."""

import argparse
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exactly_once.errors import SchemaFault, Unavailable
from shop import bootstrap
from shop.erasure_worker import pause
from shop.management.prompts import UNAVAILABLE
from shop.services.erasures import erasures_pursue

DESCRIPTION = """\
Erases what is still stored about users whose erasure has begun: no read shows them any more. The API does the same in
the background; this command does it by hand, as after a restore. It may be interrupted and run again.

exit status:
  0  no erasure is pending
  1  some are: the time was over
  2  the store does not answer, or has another schema
"""


class Command(BaseCommand):
    help = DESCRIPTION
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument("--timeout", type=float, default=600.0, metavar="S", help="seconds that it may take (600)")

    def handle(self, **options: Any) -> None:
        deadline = time.monotonic() + options["timeout"]
        count = self._round()
        while count and time.monotonic() < deadline:
            self.stderr.write(f"{count:,} pending.")
            count = self._round()
        if count:
            raise CommandError(f"{count:,} erasures are pending still: run it again.", returncode=1)
        self.stdout.write("No erasure is pending.")

    def _round(self) -> int:
        try:
            return erasures_pursue(shop=bootstrap.get_shop(), pause=pause)
        except SchemaFault as error:
            raise CommandError(str(error), returncode=2) from None
        except Unavailable:
            raise CommandError(UNAVAILABLE, returncode=2) from None
