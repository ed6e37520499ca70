"""`manage.py failover`: a planned failover, while everything sells."""

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from agents import planned_failover
from configuration import ConfigurationError
from exactly_once.client import Address
from shop import bootstrap


class Command(BaseCommand):
    help = "Make a replica the primary, before maintenance of the present one. Writes wait for half a second."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings.CONFIGURATION.require()
        except ConfigurationError as error:
            raise CommandError(f"{error}\nOr start a stack here first: make run", returncode=2) from None
        # However it is ended, the pause of the present primary is undone.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        sentinels = [Address(*address) for address in settings.REDIS_SENTINELS]
        try:
            move = planned_failover.move_primary(sentinels, settings.REDIS_MASTER_NAME, bootstrap.credentials())
        except planned_failover.FailoverFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{move.former} is no longer primary, {move.primary} is: {move.seconds:.2f} s.")
