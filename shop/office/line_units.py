"""Units of lines in forms: how many of each product are shipped or received."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from shop.domain.errors import FieldError, Invalid, UnitsExceeded
from shop.domain.purchases import Purchase, Units, units_of

#: Before the id of the product, in the name of a field.
PREFIX = "units-"
_UNITS = re.compile("[0-9]{1,10}", re.ASCII)
_INVALID = "Use a whole number, 0 or more."
_NONE = "Use one unit at least."


@dataclass(frozen=True, kw_only=True, slots=True)
class LineField:
    """A product of a form, the units that it may have, and its field with the value and what is wrong with it."""

    product: str
    name: str
    sku: str
    most: int
    field: str
    value: str
    error: str


def line_fields(
    purchase: Purchase, most: Mapping[str, int], sent: Mapping[str, str], errors: Mapping[str, str]
) -> Sequence[LineField]:
    """Make the fields of these products of a purchase: as they were sent, and before with all of the units."""
    return [
        LineField(
            product=item.product,
            name=item.name,
            sku=item.sku,
            most=most[item.product],
            field=f"{PREFIX}{item.product}",
            value=sent.get(f"{PREFIX}{item.product}", str(most[item.product])),
            error=errors.get(f"{PREFIX}{item.product}", ""),
        )
        for item in purchase.items
        if most.get(item.product)
    ]


def sent_lines(request: HttpRequest, products: Sequence[str]) -> list[dict[str, Any]]:
    """Return the lines of the form, as a body of the API has them; those of 0 units are left out.

    Raises:
        Invalid.
    """
    texts = {product: request.POST.get(f"{PREFIX}{product}", "").strip() or "0" for product in products}
    wrong = [product for product, text in texts.items() if not _UNITS.fullmatch(text)]
    if wrong:
        raise Invalid(*(FieldError(f"/{PREFIX}{product}", "invalid", _INVALID) for product in wrong))
    lines = [{"product": product, "quantity": int(text)} for product, text in texts.items() if int(text)]
    if not lines:
        raise Invalid(FieldError("/lines", "required", _NONE))
    return lines


def exceeded(error: UnitsExceeded) -> Invalid:
    """Return the refusal as errors of the fields."""
    return Invalid(
        *(FieldError(f"/{PREFIX}{each.product}", "refused", f"Only {each.available} left.") for each in error.shortages)
    )


def named_units(purchase: Purchase, lines: Sequence[Units]) -> Sequence[tuple[str, int]]:
    """The names of products of a purchase, with the units that these lines have of each."""
    names = {item.product: item.name for item in purchase.items}
    return [(names.get(product, product), quantity) for product, quantity in units_of(lines).items()]
