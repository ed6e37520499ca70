"""The stored fields of a cart: its own, and one for each line."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from shop.domain.addresses import PostalAddress
from shop.domain.cart_totals import CartShipping, CartVoucher
from shop.domain.carts import Cart, CartLine, CartSummary, NewCart
from shop.domain.money import Money
from shop.repositories.records.fields import instant, milliseconds
from shop.repositories.records.shipping_methods import SHIPPING_METHOD
from shop.repositories.records.vouchers import VOUCHER

#: What the name of a line's field begins with, before the id of its product. lua/parts/cart_access.lua has the same.
LINE = "line_"


def new_cart(cart: NewCart, at: datetime) -> str:
    """A new record as the script takes it: a JSON list of field, text, field, text."""
    texts = {
        "owner": cart.owner,
        "token": cart.token,
        "currency": cart.currency,
        "email": "",
        "shipping_address": "",
        "shipping_method": "",
        "version": "1",
        "created_at": str(milliseconds(at)),
        "updated_at": str(milliseconds(at)),
    }
    return orjson.dumps([part for pair in texts.items() for part in pair]).decode()


def address_text(address: PostalAddress | None) -> str | None:
    """An address as it is stored; None for none."""
    return None if address is None else orjson.dumps(address.values()).decode()


def address_of(text: str) -> PostalAddress | None:
    """The address of a stored text; None for an empty one."""
    return PostalAddress(**orjson.loads(text)) if text else None


def cart_of(
    id: str,
    record: Mapping[str, str],
    products: Sequence[Any],
    now_ms: str,
    voucher: Sequence[str],
    times_before: int,
    method: Sequence[str],
) -> Cart:
    """The cart of a record, with what its products are now: for each its id, its fields, and the units that others
    hold; with its voucher and how often its customer has redeemed that; and with its shipping method."""
    now = instant(now_ms)
    ends_at = instant(record["hold_ends_at"]) if "hold_ends_at" in record else None
    return Cart(
        id=id,
        owner=record["owner"] or None,
        currency=record["currency"],
        lines=[_line(record, *found) for found in products],
        email=record["email"],
        shipping_address=address_of(record["shipping_address"]),
        shipping_method=record["shipping_method"],
        hold_ends_at=ends_at if ends_at and ends_at > now else None,
        purchase=record.get("purchase"),
        created_at=instant(record["created_at"]),
        updated_at=instant(record["updated_at"]),
        version=int(record["version"]),
        shipping=_shipping(record, method),
        voucher=_voucher(record, voucher, times_before, now),
    )


def summary_of(now_ms: str, id: str, texts: Sequence[str], lines: int) -> CartSummary:
    """The summary of a cart, of the fields that a page has."""
    owner, currency, voucher, hold_ends_at, purchase, created_at, updated_at, version = texts
    ends_at = instant(hold_ends_at) if hold_ends_at else None
    return CartSummary(
        id=id,
        owner=owner or None,
        currency=currency,
        lines=lines,
        voucher=voucher,
        hold_ends_at=ends_at if ends_at and ends_at > instant(now_ms) else None,
        purchase=purchase or None,
        created_at=instant(created_at),
        updated_at=instant(updated_at),
        version=int(version),
    )


def _shipping(record: Mapping[str, str], method: Sequence[str]) -> CartShipping | None:
    if not record["shipping_method"]:
        return None
    return CartShipping(
        code=record["shipping_method"],
        seen_price=int(record["shipping_price"]),
        method=SHIPPING_METHOD.read_flat(method) if method else None,
    )


def _voucher(record: Mapping[str, str], voucher: Sequence[str], times_before: int, now: datetime) -> CartVoucher | None:
    if not record.get("voucher"):
        return None
    return CartVoucher(
        code=record["voucher"],
        seen_terms=record["voucher_terms"],
        voucher=VOUCHER.read_flat(voucher) if voucher else None,
        times_before=times_before,
        at=now,
    )


def _line(record: Mapping[str, str], product: str, found: Sequence[Any], others: int) -> CartLine:
    sku, name, price, currency, stock, withdrawn = found
    quantity, seen = record[LINE + product].split()
    seen_price = Money(minor=int(seen), currency=record["currency"])
    if not sku or withdrawn:
        return CartLine(product=product, quantity=int(quantity), seen_price=seen_price)
    return CartLine(
        product=product,
        quantity=int(quantity),
        seen_price=seen_price,
        sku=sku,
        name=name,
        unit_price=Money(minor=int(price), currency=currency),
        available=max(int(stock) - others, 0),
    )
