"""Movements of stock over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer

from shop.api import fields
from shop.api.examples import MOVEMENT
from shop.api.serializer_examples import example
from shop.domain.movements import Movement, MovementKind
from shop.domain.products import MAX_UNITS


@extend_schema_serializer(component_name="Movement", examples=example(MOVEMENT))
class MovementResponse(fields.ResponseBody):
    """A change of a product's stock. The quantities of all movements of a product add up to its stock."""

    id = fields.Text(help_text="Later movements have larger ids.")
    at = fields.Instant()
    kind = fields.Choice(choices=[*MovementKind], component="MovementKind")
    quantity = fields.Integer(minimum=-MAX_UNITS, help_text="Units: negative where they went out.")
    reference = fields.Text(help_text="Id of the purchase, of the request of an adjustment, or of the product.")
    by = fields.Text(allow_null=True, help_text="Id of staff or of an API key, `system`, or null for a customer.")


def movement_document(movement: Movement) -> dict[str, Any]:
    """Build the JSON document of a movement."""
    return {
        "id": movement.id,
        "at": movement.at,
        "kind": movement.kind,
        "quantity": movement.quantity,
        "reference": movement.reference,
        "by": movement.by,
    }
