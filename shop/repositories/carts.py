"""Carts in Redis."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from exactly_once import Reply, Store, WriteCall, WriteDeclaration, WriteRequest, WriteResult, fails, refuses, returns
from exactly_once.declarations import Outcome, Value
from shop.domain.cart_errors import (
    CartNotReady,
    CartPurchased,
    CurrencyMismatch,
    TooManyHolds,
    TooManyLines,
    UnknownShippingMethod,
)
from shop.domain.carts import (
    EMPTY_LIFETIME,
    LIFETIME,
    MAX_CARTS,
    MAX_GUEST_CARTS,
    MAX_HOLD,
    MAX_LINES,
    Cart,
    CartCaller,
    CartChange,
    CartRepository,
    CartSummary,
    CreatedCart,
    NewCart,
)
from shop.domain.errors import InsufficientStock, NotFound, Shortage, UnknownProduct
from shop.domain.pages import Page, Position
from shop.domain.products import MAX_UNITS
from shop.domain.voucher_errors import VoucherNotApplicable
from shop.domain.vouchers import voucher_code
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window
from shop.repositories.records.carts import address_text, cart_of, new_cart, summary_of

_MILLISECOND = timedelta(milliseconds=1)
#: What every write of a cart takes, in the order of its header: first its caller, last what changes have in common.
CALLER_ARGS = ("id", "caller", "token")
CHANGE_ARGS = (
    "at",
    "lifetime_ms",
    "empty_lifetime_ms",
    "max_carts",
    "max_guest_carts",
    "guest_carts",
    "cart_prefix",
    "user_prefix",
    "product_prefix",
    "holds_prefix",
)


def shortages_of(reply: Reply) -> InsufficientStock:
    """The error of lines that a script names by product, requested and available units."""
    rows = orjson.loads(reply.values[0])
    return InsufficientStock([Shortage(product=row[0], requested=row[1], available=row[2]) for row in rows])


def not_ready(reply: Reply) -> CartNotReady:
    """The error of problems that a script names by pointer and code."""
    return CartNotReady([(pointer, code) for pointer, code in orjson.loads(reply.values[0])])


def no_cart(reply: Reply) -> NotFound:
    """The error of a cart that is not there, or not the caller's."""
    return NotFound("cart", reply.about)


def change_args(keys: Keys, at: datetime) -> dict[str, Value]:
    """The values of CHANGE_ARGS."""
    return {
        "at": records.milliseconds(at),
        "lifetime_ms": LIFETIME // _MILLISECOND,
        "empty_lifetime_ms": EMPTY_LIFETIME // _MILLISECOND,
        "max_carts": MAX_CARTS,
        "max_guest_carts": MAX_GUEST_CARTS,
        "guest_carts": keys.guest_carts,
        "cart_prefix": keys.cart_prefix,
        "user_prefix": keys.user_prefix,
        "product_prefix": keys.product_prefix,
        "holds_prefix": keys.holds_prefix,
    }


_NOT_FOUND: Outcome[Any] = fails(no_cart)
_VERSION: Outcome[int] = returns(lambda reply: int(reply.values[0]))
_PURCHASED: Mapping[str, Outcome[Any]] = {
    "PURCHASED": refuses(lambda reply: CartPurchased(reply.values[0])),
    "NOT_FOUND": _NOT_FOUND,
}
_TOO_MANY_LINES = refuses(lambda reply: TooManyLines(MAX_LINES))

CREATE = WriteDeclaration(
    script="cart_create",
    kind="cart",
    keys=("cart",),
    args=("id", "owner", "fields", "sealed_token", *CHANGE_ARGS),
    replies={
        "CREATED": returns(lambda reply: CreatedCart(id=reply.values[0], sealed_token=reply.values[1])),
        "NO_SUCH_USER": fails(lambda reply: NotFound("user", "whose cart it would be: they have been erased")),
    },
)
SET_LINE = WriteDeclaration(
    script="cart_set_line",
    kind="cart",
    keys=("cart", "product"),
    args=(*CALLER_ARGS, "product_id", "quantity", "max_lines", *CHANGE_ARGS),
    replies={
        "CHANGED_CART": _VERSION,
        "UNKNOWN_PRODUCT": refuses(lambda reply: UnknownProduct([str(reply.args["product_id"])])),
        "CURRENCY_MISMATCH": refuses(lambda reply: CurrencyMismatch(reply.values[0])),
        "TOO_MANY_LINES": _TOO_MANY_LINES,
        **_PURCHASED,
    },
)
UPDATE = WriteDeclaration(
    script="cart_update",
    kind="cart",
    keys=("cart", "shipping_method"),
    args=(*CALLER_ARGS, "changes", "method_code", *CHANGE_ARGS),
    replies={
        "CHANGED_CART": _VERSION,
        "UNKNOWN_SHIPPING_METHOD": refuses(lambda reply: UnknownShippingMethod(str(reply.args["method_code"]))),
        **_PURCHASED,
    },
)
SET_VOUCHER = WriteDeclaration(
    script="cart_set_voucher",
    kind="cart",
    keys=("cart",),
    args=(*CALLER_ARGS, "code", "voucher_prefix", *CHANGE_ARGS),
    replies={
        "CHANGED_CART": _VERSION,
        "NOT_APPLICABLE": refuses(lambda reply: VoucherNotApplicable(reply.values[0])),
        **_PURCHASED,
    },
)
HOLD = WriteDeclaration(
    script="cart_hold",
    kind="cart",
    keys=("cart",),
    args=(*CALLER_ARGS, "duration_ms", "max_hold_ms", *CHANGE_ARGS),
    replies={
        "CHANGED_CART": _VERSION,
        "INSUFFICIENT_STOCK": refuses(shortages_of),
        "TOO_MANY_HOLDS": refuses(lambda reply: TooManyHolds(reply.values[0])),
        "NOT_READY": refuses(not_ready),
        **_PURCHASED,
    },
)
RELEASE = WriteDeclaration(
    script="cart_release",
    kind="cart",
    keys=("cart",),
    args=(*CALLER_ARGS, *CHANGE_ARGS),
    replies={"CHANGED_CART": _VERSION, "NOT_FOUND": _NOT_FOUND},
)
DELETE: WriteDeclaration[None] = WriteDeclaration(
    script="cart_delete",
    kind="cart",
    keys=("cart",),
    args=(*CALLER_ARGS, *CHANGE_ARGS),
    replies={"DELETED": returns(lambda reply: None), "NOT_FOUND": _NOT_FOUND},
)
CLAIM = WriteDeclaration(
    script="cart_claim",
    kind="cart",
    keys=("cart",),
    args=(*CALLER_ARGS, "max_lines", "max_units", *CHANGE_ARGS),
    replies={
        "CLAIMED": returns(lambda reply: reply.values[0]),
        "TOO_MANY_LINES": _TOO_MANY_LINES,
        **_PURCHASED,
    },
)


class RedisCartRepository(CartRepository):
    """Stores each cart in a hash with a field for each line."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def create(self, request: WriteRequest, cart: NewCart, at: datetime) -> WriteResult[CreatedCart]:
        call = CREATE.call(
            request,
            keys={"cart": self._keys.cart(cart.id)},
            args={
                "id": cart.id,
                "owner": cart.owner,
                "fields": new_cart(cart, at),
                "sealed_token": cart.sealed_token,
                **change_args(self._keys, at),
            },
            about=cart.id,
        )
        return self._store.write(call)

    def get(self, id: str, caller: CartCaller) -> Cart:
        found = self._store.read_script(
            "cart_get",
            keys={"cart": self._keys.cart(id)},
            args={
                **_caller_args(id, caller),
                "user_prefix": self._keys.user_prefix,
                "product_prefix": self._keys.product_prefix,
                "holds_prefix": self._keys.holds_prefix,
                "voucher_prefix": self._keys.voucher_prefix,
                "shipping_method_prefix": self._keys.shipping_method_prefix,
            },
        )
        if not found:
            raise NotFound("cart", id)
        flat, *rest = found
        return cart_of(id, records.pairs(flat), *rest)

    def inspect(self, id: str) -> Cart:
        owner, token = self._store.read(("HMGET", self._keys.cart(id), "owner", "token"))
        return self.get(id, CartCaller(user=owner or "", token=token or ""))

    def page(self, owner: str | None, size: int, position: Position | None) -> Page[CartSummary]:
        window = Window(size=size, position=position, descending=True)
        ends = ("+inf", "-inf") if window.is_reversed else ("-inf", "+inf")
        now_ms, *rows = self._store.read_script(
            "cart_page",
            keys={"carts": self._keys.guest_carts if owner is None else self._keys.user_carts(owner)},
            args={
                "bound": f"({position.key}" if position else ends[0],
                "last": ends[1],
                "descending": int(window.is_reversed),
                "wanted": size + 1,
                "cart_prefix": self._keys.cart_prefix,
            },
        )
        page = window.page([(score, _summary(now_ms, id, rest)) for score, id, *rest in rows])
        return Page(results=[found for found in page.results if found], next=page.next, previous=page.previous)

    def ids(self, owner: str) -> Sequence[str]:
        found: Sequence[str] = self._store.read(("ZREVRANGE", self._keys.user_carts(owner), 0, MAX_CARTS - 1))
        return found

    def set_line(
        self, request: WriteRequest, id: str, caller: CartCaller, product: str, quantity: int, at: datetime
    ) -> WriteResult[int]:
        args: dict[str, Value] = {"product_id": product, "quantity": quantity, "max_lines": MAX_LINES}
        keys = {"product": self._keys.product(product)}
        return self._store.write(self._call(SET_LINE, request, id, caller, at, args, keys))

    def update(
        self, request: WriteRequest, id: str, caller: CartCaller, change: CartChange, at: datetime
    ) -> WriteResult[int]:
        method = change.shipping_method or ""
        args: dict[str, Value] = {"changes": _changes(change), "method_code": method}
        keys = {"shipping_method": self._keys.shipping_method(method)}
        return self._store.write(self._call(UPDATE, request, id, caller, at, args, keys))

    def set_voucher(
        self, request: WriteRequest, id: str, caller: CartCaller, code: str, at: datetime
    ) -> WriteResult[int]:
        args: dict[str, Value] = {"code": voucher_code(code), "voucher_prefix": self._keys.voucher_prefix}
        return self._store.write(self._call(SET_VOUCHER, request, id, caller, at, args))

    def hold(
        self, request: WriteRequest, id: str, caller: CartCaller, duration: timedelta, at: datetime
    ) -> WriteResult[int]:
        args: dict[str, Value] = {"duration_ms": duration // _MILLISECOND, "max_hold_ms": MAX_HOLD // _MILLISECOND}
        return self._store.write(self._call(HOLD, request, id, caller, at, args))

    def release(self, request: WriteRequest, id: str, caller: CartCaller, at: datetime) -> WriteResult[int]:
        return self._store.write(self._call(RELEASE, request, id, caller, at))

    def delete(self, request: WriteRequest, id: str, caller: CartCaller, at: datetime) -> WriteResult[None]:
        return self._store.write(self._call(DELETE, request, id, caller, at))

    def claim(self, request: WriteRequest, id: str, caller: CartCaller, at: datetime) -> WriteResult[str]:
        args: dict[str, Value] = {"max_lines": MAX_LINES, "max_units": MAX_UNITS}
        return self._store.write(self._call(CLAIM, request, id, caller, at, args))

    def _call(
        self,
        declaration: WriteDeclaration[Any],
        request: WriteRequest,
        id: str,
        caller: CartCaller,
        at: datetime,
        args: Mapping[str, Value] | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> WriteCall[Any]:
        return declaration.call(
            request,
            keys={"cart": self._keys.cart(id), **(keys or {})},
            args={**_caller_args(id, caller), **(args or {}), **change_args(self._keys, at)},
            about=id,
        )


def _summary(now_ms: str, id: str, rest: Sequence[Any]) -> CartSummary | None:
    """The summary of a row of a page; None where the cart has expired."""
    return summary_of(now_ms, id, rest[:-1], rest[-1]) if rest else None


def _caller_args(id: str, caller: CartCaller) -> dict[str, Value]:
    return {"id": id, "caller": caller.user, "token": caller.token}


def _changes(change: CartChange) -> str:
    """The fields to set, as the script takes them: a JSON list of field, text, field, text."""
    address = "" if change.without_address else address_text(change.shipping_address)
    customer = None if change.email is None else change.customer
    texts = {
        "email": change.email,
        "customer": customer,
        "shipping_address": address,
        "shipping_method": change.shipping_method,
    }
    return orjson.dumps([part for name, text in texts.items() if text is not None for part in (name, text)]).decode()
