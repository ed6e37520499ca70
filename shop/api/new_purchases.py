"""The bodies of requests that place a purchase."""

from drf_spectacular.utils import extend_schema_serializer

from shop.api import fields
from shop.api.examples import PRODUCT, example
from shop.api.parsing import Body
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
    """A cart to buy, or the lines of a purchase without one. Lines of one product are summed."""

    one_of = ("items", "cart")

    items = fields.List(child=LineBody(), max_items=MAX_LINES, initial=[{"product": "", "quantity": 1}], required=False)
    cart = fields.Id(required=False, help_text="Id of the cart to buy.")
