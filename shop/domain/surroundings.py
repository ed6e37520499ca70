"""Ports to the surroundings of the shop: a clock, ids, password hashing and secrets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shop.domain.errors import FieldError


class Clock(Protocol):
    """The source of instants."""

    def now(self) -> datetime:
        """Return the present instant: UTC, in whole milliseconds."""
        ...


class Ids(Protocol):
    """The source of ids."""

    def new(self, at: datetime) -> str:
        """Return a new UUIDv7. Ids of different milliseconds sort by `at`."""
        ...


class Passwords(Protocol):
    """Password validation and hashing."""

    def weaknesses(self, password: str, *about: str) -> Sequence[FieldError]:
        """Return what makes the password weak, at /password; empty for a strong one. It must not resemble `about`."""
        ...

    def hash(self, password: str) -> str:
        """Return the salted hash to store."""
        ...

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than new ones are."""
        ...

    def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether the hash is of this password. False for None, in the same time."""
        ...


class Secrets(Protocol):
    """Creation of secrets, the digest that is stored, and the sealed form that a recorded outcome holds."""

    def make_token(self) -> str:
        """Return a new random bearer token."""
        ...

    def make_cart_token(self) -> str:
        """Return a new random token of a guest's cart."""
        ...

    def make_api_key(self, id: str) -> str:
        """Return a new random secret of the API key with this id."""
        ...

    def api_key_id(self, secret: str) -> str | None:
        """Return the id of the API key that the text is a secret of by form and checksum; None for any other text."""
        ...

    def digest(self, secret: str) -> str:
        """Return the SHA-256 digest of the secret; records have only this."""
        ...

    def seal(self, secret: str) -> str:
        """Encrypt the secret, for the outcome that a repeat of its request gets."""
        ...

    def open(self, sealed: str) -> str:
        """Decrypt a sealed secret.

        Raises: OutcomeUnknown where the key that sealed it is no longer among the shop's."""
        ...
