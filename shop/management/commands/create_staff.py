"""`manage.py create_staff`: somebody who runs the shop."""

import getpass
import json
import secrets
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from exactly_once.errors import SchemaFault, Unavailable
from exactly_once.requests import WriteRequest
from shop import bootstrap
from shop.domain.callers import Role
from shop.domain.errors import EmailTaken, Invalid
from shop.domain.text import MAX_SHORT_CHARS, UnusableText, normalize
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
        email = _usable("address", options["email"])
        password = secrets.token_urlsafe(15) if options["generate"] else _usable("password", _asked())
        _register(email, password)
        self.stdout.write(_told(email, password, generated=options["generate"], as_json=options["json"]))


def _usable(name: str, given: str) -> str:
    """The text as the API would take it, so that its owner can sign in with it."""
    try:
        return normalize(given, MAX_SHORT_CHARS)
    except UnusableText as error:
        raise CommandError(f"The {name} cannot be used. {error}") from None


def _register(email: str, password: str) -> None:
    try:
        validate_email(email)
        user_register(
            shop=bootstrap.get_shop(),
            request=_request(),
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
        raise CommandError("The store cannot answer now. Is it running?") from None


def _request() -> WriteRequest:
    id = secrets.token_hex(16)
    deadline = time.monotonic() + settings.EVERGREEN_WRITE_DEADLINE_S
    return WriteRequest(id=id, idempotency_key=id, fingerprint=id, ttl_s=600, deadline=deadline)


def _asked() -> str:
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandError("These are two different passwords.")
    return password


def _told(email: str, password: str, *, generated: bool, as_json: bool) -> str:
    shown = {"email": email, "password": password} if generated else {"email": email}
    if as_json:
        return json.dumps(shown)
    lines = [f"{email} runs the shop now."]
    if generated:
        lines.append(f"Password, shown this once: {password}")
    return "\n".join(lines)
