"""What the commands of the shop ask for, and the write requests that they make."""

import getpass

from django.conf import settings
from django.core.management import CommandError

from exactly_once.requests import WriteRequest
from shop.domain.text import MAX_SHORT_CHARS, UnusableText, normalize

UNAVAILABLE = "The store cannot answer now. Is it running?"


def write_request() -> WriteRequest:
    """A write like no other, within the deadline of the settings."""
    return WriteRequest.unique(settings.EVERGREEN_WRITE_DEADLINE_S)


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
