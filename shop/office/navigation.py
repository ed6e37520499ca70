"""The sections of the back office, in the order of its navigation."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A section: the name of its first page, after which the names of its other pages begin, and its title."""

    url_name: str
    title: str


SECTIONS = (
    Section(url_name="office-products", title="Products"),
    Section(url_name="office-users", title="Users"),
)


def sections(request: HttpRequest) -> Iterator[tuple[Section, bool]]:
    """Yield each section, and whether the request is for a page of it."""
    match = request.resolver_match
    page = (match.url_name if match else None) or ""
    for section in SECTIONS:
        yield section, page == section.url_name or page.startswith(f"{section.url_name}-")
