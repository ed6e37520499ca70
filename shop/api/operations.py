"""The declaration of an operation: what it takes and what it answers. Views and OpenAPI read it; access.py says who may
call it."""

from dataclasses import dataclass
from typing import Any

from rest_framework.serializers import Serializer

from shop.api.filters import Parameter
from shop.api.parsing import Body


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One operation of a ViewSet.

    `response` is the body of a success, or one entry of the page where `is_page`. `problems` are the codes of its own
    refusals, beside those that follow from the other fields.
    """

    response: type[Serializer[Any]] | None = None
    status: int = 200
    is_page: bool = False
    body: Body | None = None
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[str, ...] = ()
    #: Whether responses have an ETag, and If-Match or If-None-Match counts.
    has_etag: bool = False
    #: Whether a client's Idempotency-Key counts.
    uses_key: bool = False
    #: Media types of a file that is the body, in the place of `body`.
    uploads: tuple[str, ...] = ()
    #: Media types of a file that is the response.
    downloads: tuple[str, ...] = ()
    #: The body of a 202 in the place of the response, where something must be confirmed first.
    accepted: type[Serializer[Any]] | None = None


class EmptyBody(Body):
    """No body, or an empty object."""

    is_optional = True
