"""What a sign-in checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shop.domain.users import User


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """A user, the hash of the password, and digests of the networks of the last sign-ins, with the last instant."""

    user: User
    password_hash: str
    networks: Mapping[str, datetime] = field(default_factory=dict, compare=False)
