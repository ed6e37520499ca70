"""Who asks, which request it is, and what came of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


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


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteRequest:
    """What makes a write happen once.

    `id` is the request's own; `record` names the record of its outcome: the same for every repeat, and by a client's
    idempotency key the same for every request under that key. `fingerprint` tells one request from another under one
    key. `remember` is how long the outcome is kept, in seconds. `deadline` is the instant, in seconds since 1970, at
    which the store gives up. `may_be_repeat` says that another instance may have had it before, and be at it still.
    """

    id: str
    record: str
    fingerprint: str
    remember: int
    deadline: float
    may_be_repeat: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Done(Generic[T]):
    """The outcome of a write. `carried_out_by` is the id of the request that did it: another's, where this one was a
    repeat."""

    value: T
    carried_out_by: str
