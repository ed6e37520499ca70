"""Users, and their bearer tokens."""

from dataclasses import dataclass
from datetime import datetime

from shop.domain import text
from shop.domain.callers import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A user of the shop. `version` counts changes, from 1."""

    id: str
    email: str
    first_name: str
    last_name: str
    role: Role
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A bearer token. `secret` is returned once and never stored."""

    secret: str
    expires_at: datetime
    user: User


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredToken:
    """A bearer token as a write stored it, with its secret sealed."""

    expires_at: datetime
    sealed: str


def email_key(email: str) -> str:
    """Return the key of an email address: equal for two addresses that differ in case or compatibility forms alone.

    Raises:
        UnusableText: longer than any text that the shop compares, or too many combining marks in a row.
    """
    return text.fold_case(email)
