"""`manage.py tour`: the first purchase, step by step, at the shop that runs here."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand

from configuration import PROGRAM, START
from devstack import lifecycle, settings, stack_record, supervision
from devstack.layout import NGINX, Layout
from devstack.shop_client import CallFailed
from devstack.tour import NothingToSell, Step, Tour, show

NOT_RUNNING = f"No shop runs here: `{START}` starts one."


class Command(BaseCommand):
    help = "Make the first purchase step by step: each line for a shell, with the answer of the shop that runs here."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--yes", action="store_true", help="do not wait for the Enter key between two steps")

    def handle(self, *args: Any, **options: Any) -> None:
        waits = sys.stdin.isatty() and sys.stdout.isatty() and not options["yes"]
        try:
            layout = stack_record.layout(os.environ)
            if supervision.pid(layout) is None or not lifecycle.does_its_part(layout, NGINX):
                raise CommandError(NOT_RUNNING)
            self._tour(layout, waits=waits)
        except settings.Misconfigured as error:
            raise CommandError(str(error), returncode=2) from error
        except CallFailed as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("")

    def _tour(self, layout: Layout, *, waits: bool) -> None:
        try:
            self._show_all(layout, waits=waits)
        except NothingToSell:
            self.stdout.write("Nothing is in stock: seeding 2,000 products of a real grocer first.\n")
            call_command("seed", "--dataset", "sample", stdout=self.stdout)
            self._show_all(layout, waits=waits)
        self.stdout.write(
            f"Sold: {layout.url}/office/purchases/ has it, for the staff account that the first `{START}` showed "
            f"(`{PROGRAM} create_staff --reset --email {lifecycle.FIRST_STAFF} --generate` makes a new password).\n"
            f"Next: `{PROGRAM} stack kill redis-1` beside {layout.url}/status/, and the line of the purchase once more."
        )

    def _show_all(self, layout: Layout, *, waits: bool) -> None:
        for number, step in enumerate(Tour(layout).steps(), 1):
            self._show(number, step)
            if waits:
                input("Enter goes on ")

    def _show(self, number: int, step: Step) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(f"{number}. {step.title}"))
        self.stdout.write(self.style.SUCCESS(step.curl))
        self.stdout.write(f"{show(step.answer, step.fields)}\n")
