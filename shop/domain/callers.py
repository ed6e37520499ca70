"""The signed-in user behind a request, and what the role allows."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a user may do: buy, or run the shop as well."""

    CUSTOMER = "customer"
    STAFF = "staff"


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The signed-in user behind a request. `token` names the token, hashed, that let them in."""

    id: str
    role: Role
    token: str

    @property
    def is_staff(self) -> bool:
        return self.role is Role.STAFF
