"""Pages by cursor: signed, and good for the list, the filters and the order that they came from."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson
from django.http import HttpRequest

from shop.api.filters import Parameter, parsed
from shop.api.hmac import signature
from shop.api.limits import MAX_QUERY_CHARS
from shop.domain.errors import Invalid
from shop.domain.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, Page, Position

T = TypeVar("T")

_SIGNED = 16
_BESIDE_THE_FILTERS = frozenset({"cursor", "page_size"})


def _size(given: str) -> int:
    if not (given.isascii() and given.isdecimal() and len(given) < 4 and 1 <= int(given) <= MAX_PAGE_SIZE):
        raise ValueError(given)
    return int(given)


PAGE_SIZE = Parameter(
    name="page_size",
    description="How many entries a page has.",
    expected=f"Use a whole number from 1 to {MAX_PAGE_SIZE}.",
    schema={"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
    parse=_size,
)
CURSOR = Parameter(
    name="cursor",
    description="Where the page begins, from another page's links.",
    expected="Follow the links of a page as they are.",
    schema={"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": MAX_QUERY_CHARS},
    parse=lambda given: given,
    code="invalid-cursor",
)
PAGING = (PAGE_SIZE, CURSOR)


@dataclass(frozen=True, kw_only=True, slots=True)
class PageRequest:
    """Which page of a list: where it begins, how many entries it has, and the values of the filters."""

    size: int
    position: Position | None
    filters: dict[str, Any]


def page_request(request: HttpRequest, parameters: Sequence[Parameter]) -> PageRequest:
    """The page that the query asks for; `parameters` are all that the list has, those of paging included.

    Raises:
        Invalid: something in the query is unknown or cannot be used.
    """
    values = parsed(parameters, request.GET)
    cursor = values.pop("cursor", None)
    size = values.pop("page_size", DEFAULT_PAGE_SIZE)
    position = None if cursor is None else _position(request, cursor)
    return PageRequest(size=size, position=position, filters=values)


def page_document(request: HttpRequest, page: Page[T], represent: Callable[[T], Any]) -> dict[str, Any]:
    """The page as it is answered, with the URLs of its neighbours."""
    return {
        "next": _link(request, page.next),
        "previous": _link(request, page.previous),
        "results": [represent(entry) for entry in page.results],
    }


def _link(request: HttpRequest, position: Position | None) -> str | None:
    if position is None:
        return None
    query = [(name, value) for name, value in request.GET.items() if name != "cursor"]
    query.append(("cursor", _cursor(request, position)))
    return request.build_absolute_uri(f"{request.path}?{urlencode(query)}")


def _cursor(request: HttpRequest, position: Position) -> str:
    said = orjson.dumps([position.key, position.backwards])
    return urlsafe_b64encode(_mark(request, said) + said).rstrip(b"=").decode()


def _position(request: HttpRequest, cursor: str) -> Position:
    """Raises: Invalid, where the cursor was not made here, or for another list."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        raise Invalid(CURSOR.fault()) from None
    if urlsafe_b64encode(raw).rstrip(b"=") != cursor.encode("ascii"):
        # Decoding passes over what is no base64.
        raise Invalid(CURSOR.fault())
    mark, said = raw[:_SIGNED], raw[_SIGNED:]
    if not compare_digest(mark, _mark(request, said)):
        raise Invalid(CURSOR.fault())
    key, backwards = orjson.loads(said)
    return Position(key=key, backwards=backwards)


def _mark(request: HttpRequest, said: bytes) -> bytes:
    filters = sorted(pair for pair in request.GET.items() if pair[0] not in _BESIDE_THE_FILTERS)
    return signature("cursor", request.path.encode(), orjson.dumps(filters), said)[:_SIGNED]
