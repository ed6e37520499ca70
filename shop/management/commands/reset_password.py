"""`manage.py reset_password`: a new password for a user who has lost the present one."""

import json
import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exactly_once.errors import SchemaFault, Unavailable
from shop import bootstrap
from shop.domain.errors import Invalid, NotFound
from shop.management.prompts import UNAVAILABLE, typed_password, usable_text, write_request
from shop.services.users import user_reset_password

#: The exit status where no user has the address.
UNKNOWN = 3


class Command(BaseCommand):
    """Sets a password, and signs the user out everywhere."""

    help = "Set a new password for a user, and revoke every token of the user."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True, help="the user's email address")
        parser.add_argument("--generate", action="store_true", help="generate a password, and print it this once")
        parser.add_argument("--json", action="store_true", help='print {"email", "password"}')

    def handle(self, *_: Any, **options: Any) -> None:
        email = usable_text("address", options["email"])
        password = secrets.token_urlsafe(15) if options["generate"] else typed_password()
        _reset(email, password)
        self.stdout.write(_report(email, password if options["generate"] else "", as_json=options["json"]))


def _reset(email: str, password: str) -> None:
    try:
        user_reset_password(shop=bootstrap.get_shop(), request=write_request(), email=email, new=password)
    except NotFound:
        raise CommandError(f"No user has the address {email}.", returncode=UNKNOWN) from None
    except Invalid as error:
        raise CommandError(" ".join(each.detail for each in error.errors)) from None
    except SchemaFault as error:
        raise CommandError(str(error)) from None
    except Unavailable:
        raise CommandError(UNAVAILABLE) from None


def _report(email: str, password: str, *, as_json: bool) -> str:
    """`password` is the one to print, empty where the user typed it."""
    if as_json:
        return json.dumps({"email": email, "password": password} if password else {"email": email})
    lines = [f"{email} has a new password, and is signed out everywhere."]
    if password:
        lines.append(f"Password, shown this once: {password}")
    return "\n".join(lines)
