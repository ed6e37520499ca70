"""What requests and responses about carts contain."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer

from shop.api import fields
from shop.api.addresses import PostalAddressBody, postal_address, postal_document
from shop.api.cart_problems import problem_rows
from shop.api.code_fields import ShippingMethodCode, VoucherCode
from shop.api.examples import CART, CART_SUMMARY, CART_TOKEN, POSTAL_ADDRESS, VOUCHER
from shop.api.parsing import Body
from shop.api.serializer_examples import example
from shop.domain.cart_totals import Totals
from shop.domain.carts import MAX_HOLD_MINUTES, MAX_LINES, Cart, CartChange, CartLine, CartProblem, CartSummary
from shop.domain.money import CURRENCIES, STORED_CURRENCIES, Money
from shop.domain.vouchers import VoucherObstacle

DEFAULT_CURRENCY = "EUR"


@extend_schema_serializer(component_name="NewCart", examples=example({"currency": "EUR"}))
class NewCartBody(Body):
    """The currency of a new cart: all of its products have their prices in it."""

    currency = fields.Choice(sorted(CURRENCIES), component="Currency", default=DEFAULT_CURRENCY)


@extend_schema_serializer(component_name="CartLineQuantity", examples=example({"quantity": 2}))
class QuantityBody(Body):
    """The number of units of a product in a cart."""

    quantity = fields.Integer(minimum=1)


@extend_schema_serializer(component_name="NewHold", examples=example({"minutes": 15}))
class HoldBody(Body):
    """For how long the units of a cart are held."""

    minutes = fields.Integer(minimum=1, maximum=MAX_HOLD_MINUTES)


@extend_schema_serializer(component_name="CartPostalAddress", examples=example(POSTAL_ADDRESS))
class ShippingAddressBody(PostalAddressBody):
    """Where the purchase is sent."""


_SENT = {"email": "ada@example.com", "shipping_address": POSTAL_ADDRESS, "shipping_method": "standard"}


@extend_schema_serializer(component_name="CartChange", examples=example(_SENT))
class CartChangeBody(Body):
    """New values of a cart. What is left out stays as it is; an empty text or null takes the value away."""

    email = fields.Email(required=False, allow_blank=True, help_text="Where a guest gets the confirmation.")
    shipping_address = ShippingAddressBody(required=False, allow_null=True)
    shipping_method = ShippingMethodCode(required=False, allow_blank=True)


@extend_schema_serializer(component_name="CartLine")
class CartLineResponse(fields.ResponseBody):
    """A line of a cart, with what the product is now: name and prices are null where it is sold no more."""

    product = fields.Id()
    sku = fields.Sku(allow_null=True)
    name = fields.Text(allow_null=True)
    quantity = fields.Integer(minimum=1)
    seen_price = fields.Price(help_text="The price when the line was put.")
    unit_price = fields.Price(allow_null=True, help_text="The present price.")
    line_total = fields.Total(allow_null=True)
    available = fields.Integer(minimum=0, help_text="Units that this cart could have: the stock without others' holds.")


@extend_schema_serializer(component_name="CartTotals")
class TotalsResponse(fields.ResponseBody):
    """What the cart costs at present prices, without lines that have a problem with theirs."""

    items = fields.Total()
    discount = fields.Total(help_text="What the voucher takes off; nothing where it does not apply.")
    shipping = fields.Total()
    total = fields.Total()


@extend_schema_serializer(component_name="CartVoucherCode", examples=example({"code": VOUCHER["code"]}))
class VoucherBody(Body):
    """The voucher of a cart."""

    code = VoucherCode(help_text="In any case.")


@extend_schema_serializer(component_name="CartVoucher")
class CartVoucherResponse(fields.ResponseBody):
    """The voucher of a cart."""

    code = VoucherCode()
    obstacle = fields.Choice(
        list(VoucherObstacle),
        component="VoucherObstacle",
        allow_null=True,
        help_text="Why it does not apply; null where it does.",
    )


@extend_schema_serializer(component_name="CartHold")
class HoldResponse(fields.ResponseBody):
    """Until when no other buyer gets the units of the cart."""

    expires_at = fields.Instant()


@extend_schema_serializer(component_name="CartProblemOfPlace")
class CartProblemResponse(fields.ResponseBody):
    """What stands between a cart and its purchase."""

    code = fields.Choice([*CartProblem], component="CartProblemCode")
    pointer = fields.Text(allow_blank=True, help_text="JSON pointer into the cart; empty for all of it.")
    detail = fields.Text(help_text="What to do.")


@extend_schema_serializer(component_name="Cart", examples=example(CART))
class CartResponse(fields.ResponseBody):
    """A cart."""

    id = fields.Id()
    currency = fields.Choice(sorted(STORED_CURRENCIES), component="StoredCurrency")
    lines = CartLineResponse(many=True)
    email = fields.Text(allow_null=True, help_text="Of a guest.")
    shipping_address = ShippingAddressBody(allow_null=True)
    shipping_method = fields.Text(allow_null=True)
    voucher = CartVoucherResponse(allow_null=True)
    totals = TotalsResponse()
    problems = CartProblemResponse(many=True)
    hold = HoldResponse(allow_null=True)
    purchase = fields.Id(allow_null=True, help_text="What the cart became; it does not change any more.")
    created_at = fields.Instant()
    updated_at = fields.Instant()
    expires_at = fields.Instant(help_text="When it is deleted, unless it is changed before.")
    version = fields.Integer(minimum=1, help_text="Number of changes, from 1.")


@extend_schema_serializer(component_name="IssuedCart", examples=example({**CART, "token": CART_TOKEN}))
class IssuedCartResponse(CartResponse):
    """A new cart. Only this response has the token of a guest's cart, which is sent as X-Cart-Token from now on."""

    token = fields.Text(allow_null=True, help_text="Null where the cart is of a user.")


@extend_schema_serializer(component_name="CartSummary", examples=example(CART_SUMMARY))
class CartSummaryResponse(fields.ResponseBody):
    """A cart in a list."""

    id = fields.Id()
    user = fields.Id(allow_null=True, help_text="Whose it is; null for a guest's.")
    currency = fields.Choice(sorted(STORED_CURRENCIES), component="StoredCurrency")
    lines = fields.Integer(minimum=0, maximum=MAX_LINES, help_text="Their number.")
    voucher = VoucherCode(allow_null=True)
    hold = HoldResponse(allow_null=True)
    purchase = fields.Id(allow_null=True, help_text="What the cart became.")
    created_at = fields.Instant()
    updated_at = fields.Instant()
    version = fields.Integer(minimum=1, help_text="Number of changes, from 1.")


def cart_change(values: dict[str, Any]) -> CartChange:
    """Return the change that validated values describe."""
    address = values.get("shipping_address")
    return CartChange(
        email=values.get("email"),
        shipping_address=postal_address(address) if address else None,
        without_address="shipping_address" in values and address is None,
        shipping_method=values.get("shipping_method"),
    )


def cart_document(cart: Cart) -> dict[str, Any]:
    """Build the JSON document of a cart."""
    return {
        "id": cart.id,
        "currency": cart.currency,
        "lines": [_line_document(line) for line in cart.lines],
        "email": cart.email or None,
        "shipping_address": postal_document(cart.shipping_address) if cart.shipping_address else None,
        "shipping_method": cart.shipping_method or None,
        "voucher": {"code": cart.voucher.code, "obstacle": cart.voucher_obstacle} if cart.voucher else None,
        "totals": totals_document(cart.totals),
        "problems": problem_rows(cart.problems()),
        "hold": {"expires_at": cart.hold_ends_at} if cart.hold_ends_at else None,
        "purchase": cart.purchase,
        "created_at": cart.created_at,
        "updated_at": cart.updated_at,
        "expires_at": cart.expires_at,
        "version": cart.version,
    }


def cart_summary_document(cart: CartSummary) -> dict[str, Any]:
    """Build the JSON document of a cart in a list."""
    return {
        "id": cart.id,
        "user": cart.owner,
        "currency": cart.currency,
        "lines": cart.lines,
        "voucher": cart.voucher or None,
        "hold": {"expires_at": cart.hold_ends_at} if cart.hold_ends_at else None,
        "purchase": cart.purchase,
        "created_at": cart.created_at,
        "updated_at": cart.updated_at,
        "version": cart.version,
    }


def totals_document(totals: Totals) -> dict[str, str]:
    """Build the JSON document of what a cart costs."""
    return {
        "items": str(totals.items),
        "discount": str(totals.discount),
        "shipping": str(totals.shipping),
        "total": str(totals.total),
    }


def _line_document(line: CartLine) -> dict[str, Any]:
    return {
        "product": line.product,
        "sku": line.sku or None,
        "name": line.name or None,
        "quantity": line.quantity,
        "seen_price": str(line.seen_price),
        "unit_price": _amount(line.unit_price),
        "line_total": _amount(line.line_total),
        "available": line.available,
    }


def _amount(money: Money | None) -> str | None:
    return str(money) if money else None
