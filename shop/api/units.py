"""Units of products of a purchase over HTTP: lines of shipments and of returns."""

from collections.abc import Iterable, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_serializer

from shop.api import fields
from shop.api.parsing import Body
from shop.domain.purchases import Units


@extend_schema_serializer(component_name="NewUnits")
class UnitsBody(Body):
    """A product of the purchase, and a number of its units."""

    product = fields.Id(help_text="Id of the product.")
    quantity = fields.Integer(minimum=1)


@extend_schema_serializer(component_name="Units")
class UnitsResponse(fields.ResponseBody):
    """A product, and a number of its units."""

    product = fields.Id()
    quantity = fields.Integer(minimum=1)


def units(lines: Iterable[dict[str, Any]]) -> Sequence[Units]:
    """Build units from validated lines."""
    return [Units(**line) for line in lines]


def units_document(lines: Iterable[Units]) -> list[dict[str, Any]]:
    """Build the JSON document of lines."""
    return [{"product": line.product, "quantity": line.quantity} for line in lines]
