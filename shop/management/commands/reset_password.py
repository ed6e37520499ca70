"""`manage.py reset_password`: a new password for a user who has lost the present one."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from shop.management.passwords import reset_password
from shop.management.prompts import add_password_options


class Command(BaseCommand):
    """Sets a password, and signs the user out everywhere."""

    help = "Set a new password for a user, and revoke every token of the user."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True, help="the user's email address")
        add_password_options(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        report = reset_password(options["email"], is_generated=options["generate"], as_json=options["json"])
        self.stdout.write(report)
