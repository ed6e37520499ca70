"""`manage.py create_staff`: somebody who runs the shop."""

import json
import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from exactly_once.errors import SchemaFault, Unavailable
from shop import bootstrap
from shop.domain.callers import Role
from shop.domain.errors import EmailTaken, Invalid
from shop.management.prompts import UNAVAILABLE, typed_password, usable_text, write_request
from shop.services.users import user_register

#: The exit status where somebody has the address already.
TAKEN = 3


class Command(BaseCommand):
    """Registers a user with the role of staff."""

    help = "Opens an account for somebody who runs the shop."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True, help="their email address")
        parser.add_argument("--generate", action="store_true", help="make up a password, and show it this once")
        parser.add_argument("--json", action="store_true", help='print {"email", "password"}')

    def handle(self, *_: Any, **options: Any) -> None:
        email = usable_text("address", options["email"])
        password = secrets.token_urlsafe(15) if options["generate"] else typed_password()
        _register(email, password)
        self.stdout.write(_told(email, password, generated=options["generate"], as_json=options["json"]))


def _register(email: str, password: str) -> None:
    try:
        validate_email(email)
        user_register(
            shop=bootstrap.get_shop(),
            request=write_request(),
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
    except Invalid as error:
        raise CommandError(" ".join(fault.detail for fault in error.errors)) from None
    except SchemaFault as error:
        raise CommandError(str(error)) from None
    except Unavailable:
        raise CommandError(UNAVAILABLE) from None


def _told(email: str, password: str, *, generated: bool, as_json: bool) -> str:
    shown = {"email": email, "password": password} if generated else {"email": email}
    if as_json:
        return json.dumps(shown)
    lines = [f"{email} runs the shop now."]
    if generated:
        lines.append(f"Password, shown this once: {password}")
    return "\n".join(lines)
