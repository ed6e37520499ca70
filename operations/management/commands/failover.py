"""`manage.py failover`: makes a replica the primary, while everything sells."""

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from agents import failover_tuning
from agents.wire import Address
from configuration import ConfigurationError


class Command(BaseCommand):
    help = "Makes a replica the primary, before maintenance of the present one. Writes wait for half a second."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings.CONFIGURATION.require()
        except ConfigurationError as fault:
            raise CommandError(f"{fault}\nOr start a stack here first: make run", returncode=2) from None
        # However it is ended, what it had the primary do for a moment is undone.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        sentinels = [Address(*address) for address in settings.REDIS_SENTINELS]
        try:
            moved = failover_tuning.move_primary(sentinels, settings.REDIS_MASTER_NAME)
        except failover_tuning.NotMoved as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(f"{moved.former} is no longer primary, {moved.primary} is: {moved.seconds:.2f} s.")
