"""The authenticated user of a request, and the roles."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The role of a user. Staff run the shop, and may buy as customers do."""

    CUSTOMER = "customer"
    STAFF = "staff"


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The authenticated user of a request. `token` is the digest of the bearer token."""

    id: str
    role: Role
    token: str

    @property
    def is_staff(self) -> bool:
        return self.role is Role.STAFF
