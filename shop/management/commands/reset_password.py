"""`manage.py reset_password`: a new password for a user who has lost the present one."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from shop import bootstrap
from shop.domain.errors import NotFound
from shop.management.prompts import (
    add_password_options,
    errors_as_command_errors,
    new_password,
    password_report,
    usable_text,
    write_request,
)
from shop.services.users import user_reset_password

#: The exit status where no user has the address.
UNKNOWN = 3


class Command(BaseCommand):
    """Sets a password, and signs the user out everywhere."""

    help = "Set a new password for a user, and revoke every token of the user."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True, help="the user's email address")
        add_password_options(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        email = usable_text("address", options["email"])
        password = new_password(is_generated=options["generate"])
        with errors_as_command_errors():
            _reset(email, password)
        sentence = f"{email} has a new password, and is signed out everywhere."
        shown = password if options["generate"] else ""
        self.stdout.write(password_report(email, shown, sentence, as_json=options["json"]))


def _reset(email: str, password: str) -> None:
    try:
        user_reset_password(
            shop=bootstrap.get_shop(), request=write_request("reset_password"), email=email, new=password
        )
    except NotFound:
        raise CommandError(f"No user has the address {email}.", returncode=UNKNOWN) from None
