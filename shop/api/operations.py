"""What an operation of the API is: who may do it, what it takes, and what it answers. Views and schema go by it."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from rest_framework.serializers import Serializer

from shop.api.filters import Parameter
from shop.api.parsing import Body


class Access(Enum):
    """Who may do something."""

    ANYONE = "anyone"
    SIGNED_IN = "signed in"
    SELF_OR_STAFF = "self or staff"
    STAFF = "staff"


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """An operation. `answer` describes the body of its success, a `page` of them for a list; `problems` are the codes
    of what it can be refused with, beside those that follow from the rest."""

    access: Access
    answer: type[Serializer[Any]] | None = None
    status: int = 200
    page: bool = False
    body: Body | None = None
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[str, ...] = ()
    #: Whether the answer has an ETag, and a change goes by If-Match.
    tagged: bool = False
    #: Whether a client's Idempotency-Key counts.
    keyed: bool = False


class Nothing(Body):
    """No body, or an empty object."""
