"""The bodies of requests that place a purchase."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer

from shop.api import fields
from shop.api.examples import PRODUCT
from shop.api.parsing import Body, require_one
from shop.api.serializer_examples import example
from shop.domain.purchases import MAX_LINES


@extend_schema_serializer(component_name="NewPurchaseLine")
class LineBody(Body):
    """A product, by its id or by its SKU, and the number of its units to buy."""

    one_of = ("product", "sku")

    product = fields.Id(required=False, help_text="Id of the product.")
    sku = fields.Sku(required=False, help_text="SKU of the product that has it when the purchase is placed.")
    quantity = fields.Integer(minimum=1)


_LINE = {"sku": PRODUCT["sku"], "quantity": 2}


@extend_schema_serializer(component_name="NewPurchase", examples=example({"items": [_LINE]}))
class NewPurchase(Body):
    """The lines of a purchase, or else a cart to buy: one of the two. Lines of one product are summed."""

    items = fields.List(child=LineBody(), max_items=MAX_LINES, initial=[{"product": "", "quantity": 1}], required=False)
    cart = fields.Id(required=False, help_text="Id of the cart to buy, in the place of `items`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # Not `one_of`: a schema for each of the two would change the type that generated clients have.
        return require_one(attrs, ("items", "cart"))
