"""`manage.py failover`: a planned failover, while everything sells."""

import signal
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from agents import planned_failover
from evergreen import env
from exactly_once.client import Address


class Command(BaseCommand):
    help = "Make a replica the primary, before maintenance of the present one. Writes wait for half a second."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            environment = env.read()
            environment.require()
        except ImproperlyConfigured as fault:
            raise CommandError(f"{fault}\nOr start a stack here first: make run", returncode=2) from None
        # However it is ended, what it had the primary do for a moment is undone.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        sentinels = [Address(*address) for address in environment.sentinels]
        try:
            moved = planned_failover.move_primary(sentinels, environment.master_name)
        except planned_failover.FailoverFailed as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(f"{moved.former} is no longer primary, {moved.primary} is: {moved.seconds:.2f} s.")
