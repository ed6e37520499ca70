"""`manage.py work`: the worker."""

import argparse
import signal
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from prometheus_client import REGISTRY, disable_created_metrics

from configuration import START, ConfigurationError
from exactly_once.client import Address
from operations import bootstrap
from operations.exporter import server
from shop import expiry_worker
from shop.bootstrap import get_shop
from shop.work import mails, payment_checks, periodic, transfers
from shop.work.worker import Worker

DESCRIPTION = """\
Sends webhooks, and mails about purchases, from the events of the shop. It also ends the purchases that are not paid in
time, asks payment providers about payments that are open too long, and carries out imports and exports. It goes on
until it is ended, and may be killed at any instant: everything that it must not forget is in the store before it acts.
Any number of workers may run; two are enough for one to be lost.

docs/webhooks.md says what is sent, and how it is tried again.

exit status:
  0  it was ended
  2  the store is not configured, or the address of --listen cannot be used
"""


class Command(BaseCommand):
    help = DESCRIPTION
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument(
            "--listen", type=_address, metavar="HOST:PORT", help="serve /metrics and /livez here; by default nowhere"
        )

    def handle(self, **options: Any) -> None:
        try:
            settings.CONFIGURATION.require()
        except ConfigurationError as error:
            raise CommandError(f"No store is configured: start the shop with `{START}`.", returncode=2) from error
        worker = Worker(get_shop, settings.EVERGREEN_INSTANCE, mails.wanted_types())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        if options["listen"]:
            _serve_metrics(options["listen"])
        periodic.start(tasks(), get_shop)
        with bootstrap.announced_worker():
            worker.run()


def tasks() -> list[periodic.Task]:
    """What a worker does at a time."""
    return [expiry_worker.TASK, expiry_worker.GUESTS, payment_checks.TASK, transfers.TASK]


def _serve_metrics(address: Address) -> None:
    disable_created_metrics()
    try:
        server.start(address, REGISTRY, settings.EVERGREEN_MONITORING_PASSWORD)
    except OSError as error:
        raise CommandError(f"It cannot listen at {address}: {error}", returncode=2) from error


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no address: write host:port") from error
