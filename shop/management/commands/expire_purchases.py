"""`manage.py expire_purchases`: end the purchases that were not paid in time."""

import argparse
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exactly_once.errors import SchemaFault, Unavailable
from shop import bootstrap, expiry_worker
from shop.management.prompts import UNAVAILABLE
from shop.services.expiry import ExpiryRound

DESCRIPTION = """\
Ends the purchases that were not paid by the instant that they name, and those without one that have been unpaid for
EVERGREEN_UNPAID_PURCHASE_TTL_S, and returns their units to stock. The worker does the same in the background; this
command does it by hand. It may be interrupted and run again.

exit status:
  0  no purchase is overdue
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
        done = self._round()
        count = len(done.expired)
        while not done.is_complete and time.monotonic() < deadline:
            self.stderr.write(f"{count:,} ended.")
            done = self._round(done.next_start)
            count += len(done.expired)
        if not done.is_complete:
            raise CommandError(f"{count:,} ended, and more are overdue: run it again.", returncode=1)
        self.stdout.write(f"{count:,} ended. No purchase is overdue.")

    def _round(self, start: str = "") -> ExpiryRound:
        try:
            return expiry_worker.expire(bootstrap.get_shop(), start)
        except SchemaFault as error:
            raise CommandError(str(error), returncode=2) from None
        except Unavailable:
            raise CommandError(UNAVAILABLE, returncode=2) from None
