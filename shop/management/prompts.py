"""What the commands of the shop ask for, the write requests that they make, and what they print of a password."""

import getpass
import json
import secrets
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management import CommandError

from exactly_once.errors import SchemaFault, Unavailable
from exactly_once.requests import WriteRequest
from shop import bootstrap
from shop.domain.errors import Invalid
from shop.domain.text import MAX_SHORT_CHARS, UnusableText, normalize
from shop.services.audit import command_request

UNAVAILABLE = "The store cannot answer now. Is it running?"


def write_request(command: str) -> WriteRequest:
    """A write like no other of this command, within the deadline of the settings. The audit records it."""
    return command_request(shop=bootstrap.get_shop(), command=command, timeout_s=settings.EVERGREEN_WRITE_DEADLINE_S)


def usable_text(name: str, text: str) -> str:
    """The text as the API would take it.

    Raises:
        CommandError: the API would refuse it.
    """
    try:
        return normalize(text, MAX_SHORT_CHARS)
    except UnusableText as error:
        raise CommandError(f"The {name} cannot be used. {error}") from None


def typed_password() -> str:
    """A password, typed twice.

    Raises:
        CommandError: the two differ, or the API would refuse it.
    """
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandError("These are two different passwords.")
    return usable_text("password", password)


def add_password_options(parser: ArgumentParser) -> None:
    """Add the options that say where a new password comes from, and how it is printed."""
    parser.add_argument("--generate", action="store_true", help="generate a password, and print it this once")
    parser.add_argument("--json", action="store_true", help='print {"email", "password"}')


def new_password(*, is_generated: bool) -> str:
    """A random password, or a typed one; see `typed_password`."""
    return secrets.token_urlsafe(15) if is_generated else typed_password()


def password_report(email: str, password: str, sentence: str, *, as_json: bool) -> str:
    """What a command prints in the end. `password` is the one to print, empty where the user typed it."""
    if as_json:
        return json.dumps({"email": email, "password": password} if password else {"email": email})
    lines = [sentence]
    if password:
        lines.append(f"Password, shown this once: {password}")
    return "\n".join(lines)


@contextmanager
def errors_as_command_errors() -> Iterator[None]:
    """Turn what any write of the shop can raise into a CommandError."""
    try:
        yield
    except Invalid as error:
        raise CommandError(" ".join(fault.detail for fault in error.errors)) from None
    except SchemaFault as error:
        raise CommandError(str(error)) from None
    except Unavailable:
        raise CommandError(UNAVAILABLE) from None
