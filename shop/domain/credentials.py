"""What a sign-in checks."""

from dataclasses import dataclass

from shop.domain.users import User


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """A user and the hash of the password."""

    user: User
    password_hash: str
