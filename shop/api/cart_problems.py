"""The problems of carts and checkouts."""

from collections.abc import Mapping
from typing import Any

from shop.api.problem import Problem
from shop.domain import cart_errors
from shop.domain.carts import MAX_HOLDS, MAX_LINES, CartProblem

_ID = {"type": "string", "format": "uuid"}
_EXAMPLE_ID = "019a6e30-1b58-7f10-8c2d-0a1b2c3d4e5f"
_LINES = {"type": "array", "minItems": 1}

#: What to do about each problem of a cart.
DETAILS: Mapping[CartProblem, str] = {
    CartProblem.EMPTY: "Put a product into the cart.",
    CartProblem.EMAIL_MISSING: "Set the email address to which the confirmation is sent.",
    CartProblem.ADDRESS_MISSING: "Set the address to which the shipping method delivers.",
    CartProblem.PRODUCT_GONE: "The product is sold no more. Take the line out.",
    CartProblem.CURRENCY_CHANGED: "The product is sold in another currency now. Take the line out.",
    CartProblem.INSUFFICIENT_STOCK: "Fewer units are available. Put `available` of them, or none.",
    CartProblem.SHIPPING_UNAVAILABLE: "Choose another shipping method: this one is not offered for the cart.",
    CartProblem.SHIPPING_PRICE_CHANGED: "Shipping has another price now. Set `shipping_method` again to accept it.",
    CartProblem.VOUCHER_NOT_APPLICABLE: "The voucher does not apply: `voucher` says why. Take it out, or put it again.",
    CartProblem.PRICE_CHANGED: "The price is `unit_price` now. Put the line again to accept it.",
}

CART_PROBLEMS = (
    Problem(
        code="cart-not-ready",
        status=422,
        title="Cart not ready",
        meaning="Something stands between the cart and its purchase, or its hold. Nothing was changed.",
        remedy="Solve each of the `problems`, which have JSON pointers into the cart.",
        members={"problems": {**_LINES, "items": {"$ref": "#/components/schemas/CartProblem"}}},
        example={
            "problems": [{"code": "email-missing", "pointer": "/email", "detail": DETAILS[CartProblem.EMAIL_MISSING]}]
        },
    ),
    Problem(
        code="price-changed",
        status=409,
        title="Price changed",
        meaning="Products have other prices than the cart has shown. Nothing was bought.",
        remedy="Show the buyer the present prices, put the `lines` again to accept them, and buy the cart.",
        members={"lines": {**_LINES, "items": {"$ref": "#/components/schemas/PriceChange"}}},
        example={"lines": [{"product": _EXAMPLE_ID, "seen_price": "2.49", "unit_price": "2.79", "currency": "EUR"}]},
    ),
    Problem(
        code="cart-purchased",
        status=409,
        title="Cart already purchased",
        meaning="The cart has become a purchase, and does not change any more.",
        remedy="Read the `purchase`, and make another cart for what else is to be bought.",
        members={"purchase": _ID},
        example={"purchase": _EXAMPLE_ID},
    ),
    Problem(
        code="too-many-lines",
        status=409,
        title="Too many lines",
        meaning=f"A cart has at most {MAX_LINES} lines. Nothing was changed.",
        remedy="Take a line out first, or buy the cart and make another one.",
    ),
    Problem(
        code="too-many-holds",
        status=409,
        title="Too many holds",
        meaning=f"{MAX_HOLDS} carts hold this product now, as many as may. Nothing was changed.",
        remedy="Buy the cart without a hold, or try again when one of those has ended.",
        members={"product": _ID},
        example={"product": _EXAMPLE_ID},
    ),
    Problem(
        code="currency-mismatch",
        status=422,
        title="Currency mismatch",
        meaning="The price of the product is in another currency than the cart. Nothing was changed.",
        remedy="Make a cart for each currency: this one is in `currency`.",
        members={"currency": {"type": "string"}},
        example={"currency": "EUR"},
    ),
    Problem(
        code="unknown-shipping-method",
        status=422,
        title="Unknown shipping method",
        meaning="No shipping method with this code may be chosen. Nothing was changed.",
        remedy="Choose one of those at /api/v1/shipping-methods/ that are active.",
    ),
)

CART_CODES: Mapping[type[Exception], str] = {
    cart_errors.CartNotReady: "cart-not-ready",
    cart_errors.PriceChanged: "price-changed",
    cart_errors.CartPurchased: "cart-purchased",
    cart_errors.TooManyLines: "too-many-lines",
    cart_errors.TooManyHolds: "too-many-holds",
    cart_errors.CurrencyMismatch: "currency-mismatch",
    cart_errors.UnknownShippingMethod: "unknown-shipping-method",
}

#: Parts of these problems that have names of their own in the OpenAPI document.
CART_PARTS: Mapping[str, dict[str, Any]] = {
    "CartProblem": {
        "type": "object",
        "description": "What stands between a cart and its purchase.",
        "properties": {
            "code": {"type": "string", "enum": [*CartProblem]},
            "pointer": {"type": "string", "description": "JSON pointer into the cart; empty for all of it."},
            "detail": {"type": "string", "description": "What to do."},
        },
        "required": ["code", "pointer", "detail"],
    },
    "PriceChange": {
        "type": "object",
        "description": "The price of a product that the cart has shown, and the present one.",
        "properties": {
            "product": _ID,
            "seen_price": {"type": "string"},
            "unit_price": {"type": "string"},
            "currency": {"type": "string"},
        },
        "required": ["product", "seen_price", "unit_price", "currency"],
    },
}


def problem_rows(problems: Any) -> list[dict[str, str]]:
    """Build the JSON documents of problems of a cart, given by pointer and code."""
    return [{"code": str(code), "pointer": pointer, "detail": DETAILS[CartProblem(code)]} for pointer, code in problems]


def members_of(error: cart_errors.CartRefusal) -> dict[str, Any]:
    """Return the members that the problem of a refusal has by this error, not by its type."""
    match error:
        case cart_errors.CartNotReady():
            return {"problems": problem_rows(error.problems)}
        case cart_errors.PriceChanged():
            return {"lines": [_price_change(change) for change in error.changes]}
        case cart_errors.CartPurchased():
            return {"purchase": error.purchase}
        case cart_errors.TooManyHolds():
            return {"product": error.product}
        case cart_errors.CurrencyMismatch():
            return {"currency": error.currency}
        case _:
            return {}


def _price_change(change: cart_errors.PriceChange) -> dict[str, str]:
    return {
        "product": change.product,
        "seen_price": str(change.seen_price),
        "unit_price": str(change.unit_price),
        "currency": change.unit_price.currency,
    }
