"""The sections of the back office, in the order of its navigation."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A section: the name of its first page, after which the names of its other pages begin, and its title."""

    url_name: str
    title: str


FIRST_PAGE = "office"
SECTIONS = (
    Section(url_name=FIRST_PAGE, title="Today"),
    Section(url_name="office-purchases", title="Purchases"),
    Section(url_name="office-payments", title="Payments"),
    Section(url_name="office-returns", title="Returns"),
    Section(url_name="office-carts", title="Carts"),
    Section(url_name="office-products", title="Products"),
    Section(url_name="office-vouchers", title="Vouchers"),
    Section(url_name="office-shipping-methods", title="Shipping"),
    Section(url_name="office-users", title="Users"),
    Section(url_name="office-webhook-endpoints", title="Webhooks"),
    Section(url_name="office-audit", title="Audit"),
)


def sections(request: HttpRequest) -> Iterator[tuple[Section, bool]]:
    """Yield each section, and whether the request is for a page of it."""
    match = request.resolver_match
    page = (match.url_name if match else None) or ""
    for section in SECTIONS:
        yield (
            section,
            page == section.url_name or (section.url_name != FIRST_PAGE and page.startswith(f"{section.url_name}-")),
        )
