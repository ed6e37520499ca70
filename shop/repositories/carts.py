"""Carts in Redis."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from exactly_once import Reply, Store, WriteCall, WriteDeclaration, WriteRequest, WriteResult, fails, refuses, returns
from exactly_once.declarations import Outcome, Value
from shop.domain.carts import LIFETIME, MAX_CARTS, MAX_LINES, Cart, CartCaller, CartLine, CartRepository
from shop.domain.errors import (
    CartEmpty,
    CartPurchased,
    CurrencyMismatch,
    InsufficientStock,
    NotFound,
    Shortage,
    TooManyHolds,
    TooManyLines,
    UnknownProduct,
)
from shop.domain.money import Money
from shop.repositories import records
from shop.repositories.keys import Keys

#: What the name of a line's field begins with, before the id of its product. lua/parts/cart_access.lua has the same.
LINE = "line:"
_MILLISECOND = timedelta(milliseconds=1)


def _version(reply: Reply) -> int:
    return int(reply.values[0])


def _shortages(reply: Reply) -> InsufficientStock:
    rows = orjson.loads(reply.values[0])
    return InsufficientStock([Shortage(product=row[0], requested=row[1], available=row[2]) for row in rows])


_OF_CARTS: Mapping[str, Outcome[Any]] = {
    "PURCHASED": refuses(lambda reply: CartPurchased(reply.values[0])),
    "NOT_FOUND": fails(lambda reply: NotFound("cart", reply.about)),
}
CREATE: WriteDeclaration[None] = WriteDeclaration(
    script="cart_create",
    kind="cart",
    keys=("cart", "owner_carts"),
    args=("id", "owner", "fields", "ttl_ms", "max_carts", "cart_prefix"),
    replies={"CREATED": returns(lambda reply: None)},
)
SET_LINE = WriteDeclaration(
    script="cart_set_line",
    kind="cart",
    keys=("cart", "product"),
    args=("id", "caller", "token", "product_id", "quantity", "at", "max_lines", "product_prefix", "holds_prefix"),
    replies={
        "CART": returns(_version),
        "UNKNOWN_PRODUCT": refuses(lambda reply: UnknownProduct([str(reply.args["product_id"])], [])),
        "CURRENCY_MISMATCH": refuses(lambda reply: CurrencyMismatch(reply.values[0])),
        "TOO_MANY_LINES": refuses(lambda reply: TooManyLines(MAX_LINES)),
        **_OF_CARTS,
    },
)
HOLD = WriteDeclaration(
    script="cart_hold",
    kind="cart",
    keys=("cart",),
    args=("id", "caller", "token", "ends_in_ms", "at", "product_prefix", "holds_prefix"),
    replies={
        "HELD": returns(_version),
        "INSUFFICIENT_STOCK": refuses(_shortages),
        "TOO_MANY_HOLDS": refuses(lambda reply: TooManyHolds(reply.values[0])),
        "EMPTY": refuses(lambda reply: CartEmpty("Put something into the cart first.")),
        **_OF_CARTS,
    },
)
RELEASE = WriteDeclaration(
    script="cart_release",
    kind="cart",
    keys=("cart",),
    args=("id", "caller", "token", "at", "product_prefix", "holds_prefix"),
    replies={"CART": returns(_version), "NOT_FOUND": _OF_CARTS["NOT_FOUND"]},
)
DELETE: WriteDeclaration[None] = WriteDeclaration(
    script="cart_delete",
    kind="cart",
    keys=("cart", "owner_carts"),
    args=("id", "caller", "token", "product_prefix", "holds_prefix"),
    replies={"DELETED": returns(lambda reply: None), "NOT_FOUND": _OF_CARTS["NOT_FOUND"]},
)


class RedisCartRepository(CartRepository):
    """Stores each cart in a hash with a field for each line."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def create(self, request: WriteRequest, cart: Cart, token: str) -> WriteResult[None]:
        owner = cart.owner or ""
        call = CREATE.call(
            request,
            keys={"cart": self._keys.cart(cart.id), "owner_carts": self._keys.user_carts(owner)},
            args={
                "id": cart.id,
                "owner": owner,
                "fields": _fields(cart, token),
                "ttl_ms": LIFETIME // _MILLISECOND,
                "max_carts": MAX_CARTS,
                "cart_prefix": self._keys.cart_prefix,
            },
            about=cart.id,
        )
        return self._store.write(call)

    def get(self, id: str, caller: CartCaller) -> Cart:
        found = self._store.read_script(
            "cart_get", keys={"cart": self._keys.cart(id)}, args={"id": id, **_who(caller), **self._prefixes()}
        )
        if not found:
            raise NotFound("cart", id)
        flat, products, now_ms = found
        return _cart(id, records.pairs(flat), products, records.instant(int(now_ms)))

    def set_line(
        self, request: WriteRequest, id: str, caller: CartCaller, product: str, quantity: int, at: datetime
    ) -> WriteResult[int]:
        call = SET_LINE.call(
            request,
            keys={"cart": self._keys.cart(id), "product": self._keys.product(product)},
            args={
                "id": id,
                **_who(caller),
                "product_id": product,
                "quantity": quantity,
                "at": records.milliseconds(at),
                "max_lines": MAX_LINES,
                **self._prefixes(),
            },
            about=id,
        )
        return self._store.write(call)

    def hold(
        self, request: WriteRequest, id: str, caller: CartCaller, duration: timedelta, at: datetime
    ) -> WriteResult[int]:
        args = {"ends_in_ms": duration // _MILLISECOND, "at": records.milliseconds(at)}
        return self._store.write(self._of_cart(HOLD, request, id, caller, args))

    def release(self, request: WriteRequest, id: str, caller: CartCaller, at: datetime) -> WriteResult[int]:
        return self._store.write(self._of_cart(RELEASE, request, id, caller, {"at": records.milliseconds(at)}))

    def delete(self, request: WriteRequest, id: str, caller: CartCaller) -> WriteResult[None]:
        call = DELETE.call(
            request,
            keys={"cart": self._keys.cart(id), "owner_carts": self._keys.user_carts(caller.user)},
            args={"id": id, **_who(caller), **self._prefixes()},
            about=id,
        )
        return self._store.write(call)

    def _of_cart(
        self,
        declaration: WriteDeclaration[int],
        request: WriteRequest,
        id: str,
        caller: CartCaller,
        args: Mapping[str, Value],
    ) -> WriteCall[int]:
        keys = {"cart": self._keys.cart(id)}
        return declaration.call(
            request, keys=keys, args={"id": id, **_who(caller), **args, **self._prefixes()}, about=id
        )

    def _prefixes(self) -> dict[str, Value]:
        return {"product_prefix": self._keys.product_prefix, "holds_prefix": self._keys.holds_prefix}


def _who(caller: CartCaller) -> dict[str, Value]:
    return {"caller": caller.user, "token": caller.token}


def _fields(cart: Cart, token: str) -> str:
    at = str(records.milliseconds(cart.created_at))
    values = ["owner", cart.owner or "", "token", token, "currency", cart.currency, "email", cart.email]
    return orjson.dumps([*values, "version", "1", "created_at", at, "updated_at", at]).decode()


def _cart(id: str, record: Mapping[str, str], products: Sequence[Any], now: datetime) -> Cart:
    own = orjson.loads(record["hold"]) if "hold" in record else {}
    ends_at = records.instant(int(record["hold_ends_at"])) if own else None
    currency = record["currency"]
    return Cart(
        id=id,
        owner=record["owner"] or None,
        currency=currency,
        lines=[_line(record, currency, *found) for found in products],
        email=record["email"],
        hold_ends_at=ends_at if ends_at and ends_at > now else None,
        purchase=record.get("purchase"),
        created_at=records.instant(int(record["created_at"])),
        updated_at=records.instant(int(record["updated_at"])),
        version=int(record["version"]),
    )


def _line(record: Mapping[str, str], currency: str, product: str, found: Sequence[Any], others: int) -> CartLine:
    sku, name, price, present_currency, stock, withdrawn = found
    quantity, seen = record[LINE + product].split(":")
    line = {
        "product": product,
        "quantity": int(quantity),
        "seen_price": Money(minor=int(seen), currency=currency),
    }
    if not sku or withdrawn:
        return CartLine(**line)
    unit_price = Money(minor=int(price), currency=present_currency)
    return CartLine(**line, sku=sku, name=name, unit_price=unit_price, available=max(int(stock) - others, 0))
