"""The problems of transitions: of purchases, of the shipments of one, and of returns."""

from shop.api.problem import Problem
from shop.domain.purchases import MAX_SHIPMENTS
from shop.domain.returns import MAX_RETURNS

_EXAMPLE_ID = "019a6e30-1b58-7f10-8c2d-0a1b2c3d4e5f"
_LIMIT = {"limit": {"type": "integer", "minimum": 1}}

#: Of a purchase or of a return.
_STATUS = {"type": "string"}

GOODS_PROBLEMS = (
    Problem(
        code="invalid-transition",
        status=409,
        title="Invalid transition",
        meaning=(
            "A purchase is placed, paid, shipped, at once or in parts, and delivered in this order. A placed or paid "
            "one can be cancelled, a paid, shipped or delivered one refunded. A return is requested, approved and "
            "received."
        ),
        remedy="Use one of the `allowed` transitions from the present status, `from`.",
        members={
            "from": _STATUS,
            "to": _STATUS,
            "allowed": {"type": "array", "items": _STATUS},
        },
        example={"from": "shipped", "to": "cancelled", "allowed": ["delivered", "partially_refunded", "refunded"]},
    ),
    Problem(
        code="units-exceeded",
        status=409,
        title="Units exceeded",
        meaning=(
            "A line asks for more units than are left: of a purchase that have not been shipped, that have been "
            "shipped and are in no return, or of a return. Nothing was changed."
        ),
        remedy="Ask for no more than `available` of each product in `shortages`.",
        members={"shortages": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Shortage"}}},
        example={"shortages": [{"product": _EXAMPLE_ID, "requested": 3, "available": 1}]},
    ),
    Problem(
        code="too-many-shipments",
        status=409,
        title="Too many shipments",
        meaning=f"A purchase has at most {MAX_SHIPMENTS} shipments, and this one would leave units behind.",
        remedy="Leave `lines` out: then all that has not been shipped is in the shipment.",
        members=_LIMIT,
        example={"limit": MAX_SHIPMENTS},
    ),
    Problem(
        code="too-many-returns",
        status=409,
        title="Too many returns",
        meaning=f"The purchase has {MAX_RETURNS} returns already, refused ones included.",
        remedy="Ask staff to settle the rest by a refund.",
        members=_LIMIT,
        example={"limit": MAX_RETURNS},
    ),
)
