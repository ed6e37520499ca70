"""Names for people to read: of fields, operations and collections."""

import re
from inspect import cleandoc
from typing import Any

from shop.api.introduction import TAGS

_LABELS = {
    "id": "ID",
    "sku": "SKU",
    "at": "When",
    "is_sold": "Sold out",
    "is_current": "This session",
    "min_price": "Price from",
    "max_price": "Price to",
    "ordering": "Sort by",
    "page_size": "Entries on a page",
    "request_id": "Request ID",
    "api_keys": "API keys",
    "webhook_endpoints": "Webhook endpoints",
    "auth": "Sessions",
    "networks": "Networks",
}
_RESOURCE = re.compile(
    r" (of )?an? (product|purchase|return|cart|user|voucher|shipping method|address|API key|session|webhook endpoint|"
    r"delivery)\b"
)
_DESCRIPTIONS = {tag["name"]: tag["description"] for tag in TAGS}


def label_of(name: str) -> str:
    """Return the label of a field, a parameter or a collection, by its name in the API."""
    return _LABELS.get(name) or name.replace("_", " ").capitalize()


def description_of(collection: str) -> str:
    """Return what a collection is about."""
    return _DESCRIPTIONS.get(collection, "")


def summary_of(view: Any, action: str) -> tuple[str, str]:
    """Return the summary of an operation and its details, as the OpenAPI document has them."""
    first, *others = cleandoc(getattr(view, action).__doc__ or action).splitlines()
    return first.rstrip("."), " ".join(" ".join(others).replace("`", "").split())


def button_of(summary: str) -> str:
    """Return the summary of an operation for a button on the page of the resource: without what is plain there."""
    return "Edit" if summary.startswith("Replace a ") else _RESOURCE.sub("", summary)
