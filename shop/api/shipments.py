"""Shipments of a purchase over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer

from shop.api import fields
from shop.api.examples import SHIPMENT
from shop.api.parsing import Body
from shop.api.serializer_examples import example
from shop.api.units import UnitsBody, UnitsResponse, units_document
from shop.domain.purchases import MAX_LINES, Shipment


@extend_schema_serializer(component_name="NewShipment", examples=example(SHIPMENT))
class NewShipment(Body):
    """What is sent. Without lines it is all that has not been shipped."""

    is_optional = True

    lines = fields.List(child=UnitsBody(), max_items=MAX_LINES, required=False)
    carrier = fields.Text(default="", allow_blank=True, help_text="Who delivers it.")
    tracking = fields.Text(default="", allow_blank=True, help_text="The carrier's number of the shipment.")


@extend_schema_serializer(component_name="Shipment")
class ShipmentResponse(fields.ResponseBody):
    """Units that were sent together."""

    at = fields.Instant()
    lines = UnitsResponse(many=True)
    carrier = fields.Text(allow_blank=True)
    tracking = fields.Text(allow_blank=True, help_text="Empty where unknown, and once the buyer is erased.")


def shipment_document(shipment: Shipment) -> dict[str, Any]:
    """Build the JSON document of a shipment."""
    return {
        "at": shipment.at,
        "lines": units_document(shipment.lines),
        "carrier": shipment.carrier,
        "tracking": shipment.tracking,
    }
