"""Pagination by signed cursor. A cursor is bound to the list, the filters and the ordering that it came from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest

from shop.api.filters import Parameter, parse_query
from shop.api.limits import MAX_QUERY_CHARS
from shop.domain.errors import Invalid
from shop.domain.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, Page, Position

T = TypeVar("T")

_UNBOUND_PARAMETERS = frozenset({"cursor", "page_size"})


def _page_size(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= MAX_PAGE_SIZE):
        raise ValueError(text)
    return int(text)


PAGE_SIZE = Parameter(
    name="page_size",
    description="Entries in a page.",
    expected=f"Use a whole number from 1 to {MAX_PAGE_SIZE}.",
    schema={"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
    parse=_page_size,
    component="PageSize",
)
CURSOR = Parameter(
    name="cursor",
    description="Opaque position of the page, as in the `next` and `previous` links of another page.",
    expected="Follow the links of a page unchanged.",
    schema={"type": "string", "pattern": r"^[A-Za-z0-9_.-]+$", "maxLength": MAX_QUERY_CHARS},
    parse=str,
    code="invalid-cursor",
    component="Cursor",
)
PAGING = (PAGE_SIZE, CURSOR)


@dataclass(frozen=True, kw_only=True, slots=True)
class PageRequest:
    """The page that a query asks for: its size, its position (None: the first page) and the values of the filters."""

    size: int
    position: Position | None
    filters: dict[str, Any]


def page_request(request: HttpRequest, parameters: Sequence[Parameter]) -> PageRequest:
    """Parse the query; `parameters` are all that the list has, those of pagination included.

    Raises:
        Invalid: an unknown parameter, an unusable value, or a cursor of another list.
    """
    values = parse_query(parameters, request.GET)
    cursor = values.pop("cursor", None)
    size = values.pop("page_size", DEFAULT_PAGE_SIZE)
    position = None if cursor is None else _position(request, cursor)
    return PageRequest(size=size, position=position, filters=values)


def page_document(request: HttpRequest, page: Page[T], to_document: Callable[[T], Any]) -> dict[str, Any]:
    """Build the JSON document of a page, with absolute URLs of the next and previous ones."""
    return {
        "next": _link(request, page.next),
        "previous": _link(request, page.previous),
        "results": [to_document(entry) for entry in page.results],
    }


def _link(request: HttpRequest, position: Position | None) -> str | None:
    if position is None:
        return None
    query = [(name, value) for name, value in request.GET.items() if name != "cursor"]
    query.append(("cursor", _signer(request).sign_object([position.key, position.backwards])))
    return request.build_absolute_uri(f"{request.path}?{urlencode(query)}")


def _position(request: HttpRequest, cursor: str) -> Position:
    """Raises: Invalid, where the cursor was signed with another key or for another list."""
    try:
        key, backwards = _signer(request).unsign_object(cursor)
    except BadSignature:
        raise Invalid(CURSOR.field_error()) from None
    return Position(key=key, backwards=backwards)


def _signer(request: HttpRequest) -> Signer:
    """Signer whose salt is the list and its filters: the cursor of another list has a bad signature."""
    filters = sorted(pair for pair in request.GET.items() if pair[0] not in _UNBOUND_PARAMETERS)
    return Signer(sep=".", salt=f"shop.api.pagination {request.path} {orjson.dumps(filters).decode()}")
