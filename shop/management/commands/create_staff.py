"""`manage.py create_staff`: somebody who runs the shop."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from shop import bootstrap
from shop.domain.callers import Role
from shop.domain.errors import EmailTaken
from shop.management.passwords import reset_password
from shop.management.prompts import (
    add_password_options,
    errors_as_command_errors,
    new_password,
    password_report,
    usable_text,
    write_request,
)
from shop.services.users import user_register

#: The exit status where somebody has the address already.
TAKEN = 3


class Command(BaseCommand):
    """Registers a user with the role of staff."""

    help = "Opens an account for somebody who runs the shop."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True, help="their email address")
        parser.add_argument(
            "--reset", action="store_true", help="set a new password for the user with this address, as reset_password"
        )
        add_password_options(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        if options["reset"]:
            report = reset_password(options["email"], is_generated=options["generate"], as_json=options["json"])
            self.stdout.write(report)
            return
        email = usable_text("address", options["email"])
        password = new_password(is_generated=options["generate"])
        with errors_as_command_errors():
            _register(email, password)
        shown = password if options["generate"] else ""
        self.stdout.write(password_report(email, shown, f"{email} runs the shop now.", as_json=options["json"]))


def _register(email: str, password: str) -> None:
    try:
        validate_email(email)
        user_register(
            shop=bootstrap.get_shop(),
            request=write_request("create_staff"),
            email=email,
            password=password,
            first_name="",
            last_name="",
            role=Role.STAFF,
        )
    except ValidationError:
        raise CommandError(f"{email} is no email address.") from None
    except EmailTaken:
        raise CommandError(f"Somebody has the address {email} already.", returncode=TAKEN) from None
