"""Lists of the back office: the query of the API's list, its pages, and the form that filters them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.http import HttpRequest

from shop.api.filters import Parameter
from shop.api.pagination import PageRequest, page_document, page_request
from shop.api.rendering import as_data
from shop.domain.errors import FieldError
from shop.domain.pages import Page
from shop.office.notices import PARAMETER

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A page of a list as a template shows it. `query` has the filters as they were sent, `errors` what is wrong with
    them by name."""

    query: dict[str, str]
    results: Sequence[Any] = ()
    next: str | None = None
    previous: str | None = None
    errors: dict[str, str]

    @property
    def is_filtered(self) -> bool:
        return any(name not in ("ordering", "page_size", "cursor") for name in self.query)


def list_request(request: HttpRequest, parameters: Sequence[Parameter]) -> PageRequest:
    """Parse the query as the API does, without the notice and without the fields of the form that are empty.

    Raises:
        Invalid.
    """
    query = request.GET.copy()
    for name, texts in list(query.lists()):
        if name == PARAMETER or not any(texts):
            del query[name]
    # The links of the pages repeat it.
    request.GET = query  # type: ignore[assignment]
    return page_request(request, parameters)


def listing(request: HttpRequest, page: Page[T], to_document: Callable[[T], Any]) -> Listing:
    """Make the listing of a page. Its results are JSON values, as those of the API."""
    document = page_document(request, page, to_document)
    return Listing(
        query=_query(request),
        results=[_with_instants(each) for each in as_data(document["results"])],
        next=document["next"],
        previous=document["previous"],
        errors={},
    )


def _with_instants(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its instants parsed, which a template writes in its own way."""
    names = [name for name, value in document.items() if value and (name == "at" or name.endswith("_at"))]
    return document | {name: datetime.fromisoformat(document[name]) for name in names}


def refused_listing(request: HttpRequest, errors: Sequence[FieldError]) -> Listing:
    """Make the listing of a query that is refused."""
    return Listing(query=_query(request), errors={error.pointer: error.detail for error in errors})


def _query(request: HttpRequest) -> dict[str, str]:
    return {name: str(value) for name, value in request.GET.items()}
