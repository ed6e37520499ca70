"""Checkouts in Redis."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from exactly_once import Reply, Store, WriteDeclaration, WriteRequest, WriteResult, fails, refuses, returns
from shop.domain.cart_errors import PriceChange, PriceChanged
from shop.domain.carts import CartCaller
from shop.domain.checkouts import CheckoutRepository
from shop.domain.errors import NotFound, TooManyOpenPurchases
from shop.domain.money import Money
from shop.domain.purchases import Event, Purchase, Status
from shop.domain.voucher_errors import VoucherExhausted
from shop.repositories import records
from shop.repositories.carts import CHANGE_ARGS, change_args, no_cart, not_ready, shortages_of
from shop.repositories.keys import Keys
from shop.repositories.purchases import MAX_TOTAL_MINOR, total_too_large


@dataclass(frozen=True, slots=True)
class _Placement:
    """A purchase, and the request that placed it where that was another one than is answered; else empty."""

    purchase: Purchase
    request_id: str = ""


def _placed(reply: Reply) -> _Placement:
    return _Placement(records.PURCHASE.read_flat(reply.values))


def _placed_before(reply: Reply) -> _Placement:
    return _Placement(records.PURCHASE.read_flat(reply.values[1:]), reply.values[0])


def _price_changed(reply: Reply) -> PriceChanged:
    currency, rows = reply.values[0], orjson.loads(reply.values[1])
    return PriceChanged([PriceChange(product, *_prices(currency, *minor)) for product, *minor in rows])


def _prices(currency: str, *minor: int) -> tuple[Money, Money]:
    """The price that was shown, and the present one."""
    seen, present = minor
    return Money(minor=seen, currency=currency), Money(minor=present, currency=currency)


CHECK_OUT = WriteDeclaration(
    script="cart_checkout",
    kind="purchase",
    keys=(
        "purchase",
        "cart",
        "in_stock",
        "sold_out",
        "purchases",
        "purchases_of_status",
        "user_purchases",
        "user_purchases_of_status",
        "user_placed",
        "purchases_by_pay_by",
    ),
    args=(
        "id",
        "buyer",
        "caller",
        "token",
        "cart_id",
        "fields",
        "pay_within_ms",
        "max_open",
        "max_total",
        "purchase_prefix",
        "movements_prefix",
        "voucher_prefix",
        "shipping_method_prefix",
        *CHANGE_ARGS,
    ),
    replies={
        "PLACED": returns(_placed),
        "PLACED_BEFORE": returns(_placed_before),
        "NOT_READY": refuses(not_ready),
        "PRICE_CHANGED": refuses(_price_changed),
        "INSUFFICIENT_STOCK": refuses(shortages_of),
        "VOUCHER_EXHAUSTED": refuses(lambda reply: VoucherExhausted(reply.values[0])),
        "TOO_MANY_OPEN": refuses(lambda reply: TooManyOpenPurchases(int(reply.values[0]))),
        "TOTAL_TOO_LARGE": fails(total_too_large),
        "NOT_FOUND": fails(no_cart),
    },
    subject="buyer",
)


class RedisCheckoutRepository(CheckoutRepository):
    """Buys carts. A purchase has to be paid within `pay_within`; a customer may have `max_open` that are not paid."""

    def __init__(self, store: Store, keys: Keys, pay_within: timedelta, max_open: int = 0) -> None:
        self._store = store
        self._keys = keys
        self._pay_within = pay_within
        self._max_open = max_open

    def check_out(
        self,
        request: WriteRequest,
        id: str,
        cart: str,
        caller: CartCaller,
        at: datetime,
        pay_within: timedelta | None = None,
    ) -> WriteResult[Purchase]:
        within = self._pay_within if pay_within is None else pay_within
        call = CHECK_OUT.call(
            request,
            keys=self._script_keys(id, cart, caller.user),
            args={
                "id": id,
                "buyer": caller.user,
                "caller": caller.user,
                "token": caller.token,
                "cart_id": cart,
                "fields": _new_purchase(id, caller.user, at),
                "pay_within_ms": within // timedelta(milliseconds=1),
                "max_open": self._max_open if pay_within is None else 0,
                "max_total": MAX_TOTAL_MINOR,
                "purchase_prefix": self._keys.purchase_prefix,
                "movements_prefix": self._keys.movements_prefix,
                "voucher_prefix": self._keys.voucher_prefix,
                "shipping_method_prefix": self._keys.shipping_method_prefix,
                **change_args(self._keys, at),
            },
            about=cart,
        )
        result = self._store.write(call)
        placement = result.value
        return WriteResult(value=placement.purchase, origin_request_id=placement.request_id or result.origin_request_id)

    def guest_purchase(self, id: str, token: str) -> Purchase:
        found = self._store.read_script(
            "purchase_get", keys={"purchase": self._keys.purchase(id)}, args={"user_prefix": self._keys.user_prefix}
        )
        record = records.pairs(found)
        if not token or record.get("guest") != token:
            raise NotFound("purchase", id)
        return records.PURCHASE.read(record)

    def _script_keys(self, id: str, cart: str, user: str) -> dict[str, str]:
        keys, status = self._keys, Status.PLACED
        return {
            "purchase": keys.purchase(id),
            "cart": keys.cart(cart),
            "in_stock": keys.in_stock,
            "sold_out": keys.sold_out,
            "purchases": keys.purchase_index(None, None),
            "purchases_of_status": keys.purchase_index(None, status),
            "user_purchases": keys.purchase_index(user, None),
            "user_purchases_of_status": keys.purchase_index(user, status),
            "user_placed": keys.purchase_index(user, status),
            "purchases_by_pay_by": keys.purchases_by_pay_by,
        }


def _new_purchase(id: str, user: str, at: datetime) -> str:
    """What is known of a purchase before the script adds up its lines."""
    return records.PURCHASE.creation_of(
        {
            "id": id,
            "user": user,
            "status": Status.PLACED,
            "created_at": at,
            "updated_at": at,
            "version": 1,
            "history": (Event(status=Status.PLACED, at=at, by=user or None),),
        }
    )
