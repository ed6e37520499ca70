"""Users: who buys, and who runs the shop."""

from dataclasses import dataclass
from datetime import datetime

from shop.domain import text
from shop.domain.callers import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A person with an account. `version` counts the changes, from 1."""

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
    """A right to act as a user until it expires. `secret` is shown once and never stored."""

    secret: str
    expires_at: datetime
    user: User


def email_key(email: str) -> str:
    """What two spellings of one address have in common: compatibility forms and case do not count, accents do.

    Raises:
        UnusableText: longer than any text that the shop compares, or too many combining marks in a row.
    """
    return text.fold_case(email)
