"""The calls of carts: each is made, filled, perhaps held, and bought, a step after the response to the one before."""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.history import Call, CallKind
from chaos.stage import Stage

#: Of carts: how many are held before they are bought, how many are bought twice, under two keys, how many are those of
#: guests, and how many have a voucher.
_HELD_SHARE, _TWICE_SHARE, _GUEST_SHARE, _VOUCHER_SHARE = 0.5, 0.3, 0.25, 0.5
#: Of vouchers, how many are the one that is nearly exhausted.
_PRESENT_SHARE = 0.8
EXHAUSTED = ("voucher-not-applicable", "voucher-exhausted")
#: Of calls of carts that could go on with one, how many make another.
_NEW_SHARE = 0.2
MAX_OPEN_CARTS, MAX_LINES, MAX_QUANTITY = 60, 3, 3
#: Longer than a load, so that a cart that holds its lines is never refused.
HOLD_MINUTES = 30
TOKEN_HEADER = "X-Cart-Token"


@dataclass(kw_only=True, slots=True)
class _Cart:
    """A cart between two of its calls: lines that are still to be put into it, and those that are in it. `headers` are
    those of a guest. `wanted_voucher` is tried once; `voucher` is in the cart."""

    id: str
    caller: str
    headers: Mapping[str, str]
    wanted: list[tuple[str, int]]
    wants_hold: bool
    wants_email: bool
    wanted_voucher: str
    items: list[tuple[str, int]] = field(default_factory=list)
    voucher: str = ""
    is_held: bool = False


class CartCalls:
    """Makes one call after the other, of the carts that wait for one. A cart whose call had no answer is left."""

    def __init__(self, stage: Stage, chance: random.Random, name: Callable[[], str]) -> None:
        self._stage = stage
        self._random = chance
        self._name = name
        self._waiting: deque[_Cart] = deque(maxlen=MAX_OPEN_CARTS)
        #: Carts with a call under way, by id.
        self._under_way: dict[str, _Cart] = {}
        self._known: set[str] = set()
        self._again: deque[Call] = deque(maxlen=MAX_OPEN_CARTS)
        #: The first is the one that everybody wants, until it is exhausted.
        self._vouchers = deque(stage.vouchers)

    def next_call(self) -> Call:
        if self._again:
            return self._again.popleft()
        if not self._waiting or self._random.random() < _NEW_SHARE:
            return self._creation()
        cart = self._waiting.popleft()
        return self._preparation(cart) or self._purchase(cart)

    def record_response(self, call: Call) -> None:
        """Go on with the cart of this call, where it was answered."""
        if call.kind is CallKind.CART:
            self._begin(call)
            return
        if call.code in EXHAUSTED and call.voucher == self._vouchers[0]:
            self._vouchers.rotate(-1)
        cart = self._under_way.pop(call.subject, None)
        if cart is None or not call.is_acknowledged:
            return
        if call.kind is CallKind.CART_LINE and call.is_success:
            cart.items.append(cart.wanted.pop())
        elif call.kind is CallKind.CART_EMAIL:
            cart.wants_email = False
        elif call.kind is CallKind.CART_VOUCHER:
            cart.voucher, cart.wanted_voucher = cart.wanted_voucher if call.is_success else "", ""
        elif call.kind is CallKind.CART_HOLD:
            cart.wants_hold, cart.is_held = False, call.is_success
        self._waiting.append(cart)

    def _begin(self, call: Call) -> None:
        if call.status != 201 or (id := call.content["id"]) in self._known:
            return
        self._known.add(id)
        products = self._random.sample(self._stage.products, self._random.randint(1, MAX_LINES))
        token = call.content.get("token")
        self._waiting.append(
            _Cart(
                id=id,
                caller=call.caller,
                headers={TOKEN_HEADER: token} if token else {},
                wanted=[(product, self._random.randint(1, MAX_QUANTITY)) for product in products],
                wants_hold=self._random.random() < _HELD_SHARE,
                wants_email=not call.caller,
                wanted_voucher=self._chosen_voucher(),
            )
        )

    def _chosen_voucher(self) -> str:
        """The present one, or now and then any other; empty where the cart gets none."""
        if not self._vouchers or self._random.random() >= _VOUCHER_SHARE:
            return ""
        is_present = self._random.random() < _PRESENT_SHARE
        return self._vouchers[0] if is_present else self._random.choice(self._vouchers)

    def _creation(self) -> Call:
        is_guest = self._stage.has_guests and self._random.random() < _GUEST_SHARE
        caller = "" if is_guest else self._random.choice(self._stage.customers).id
        return Call(kind=CallKind.CART, method="POST", path="/carts/", caller=caller, body={"currency": "EUR"})

    def _preparation(self, cart: _Cart) -> Call | None:
        """What is still to be done before the cart is bought; None where nothing is."""
        path = f"/carts/{cart.id}/"
        if cart.wanted:
            product, quantity = cart.wanted[-1]
            path += f"lines/{product}/"
            return self._step(cart, CallKind.CART_LINE, path, {"quantity": quantity}, [(product, quantity)])
        if cart.wants_email:
            return self._step(cart, CallKind.CART_EMAIL, path, {"email": f"{self._name()}@chaos.example"})
        if cart.wanted_voucher:
            return self._step(cart, CallKind.CART_VOUCHER, f"{path}voucher/", {"code": cart.wanted_voucher})
        if cart.wants_hold:
            return self._step(cart, CallKind.CART_HOLD, f"{path}hold/", {"minutes": HOLD_MINUTES}, cart.items)
        return None

    def _purchase(self, cart: _Cart) -> Call:
        call = self._checkout(cart)
        if self._random.random() < _TWICE_SHARE:
            self._again.append(self._checkout(cart))
        return call

    def _step(
        self, cart: _Cart, kind: CallKind, path: str, body: Mapping[str, Any], items: Sequence[tuple[str, int]] = ()
    ) -> Call:
        self._under_way[cart.id] = cart
        return Call(
            kind=kind,
            method="PATCH" if kind is CallKind.CART_EMAIL else "PUT",
            path=path,
            caller=cart.caller,
            headers=cart.headers,
            body=body,
            subject=cart.id,
            items=tuple(items),
            voucher=cart.wanted_voucher if kind is CallKind.CART_VOUCHER else cart.voucher,
        )

    def _checkout(self, cart: _Cart) -> Call:
        return Call(
            kind=CallKind.CHECKOUT,
            method="POST",
            path="/purchases/",
            caller=cart.caller,
            headers=cart.headers,
            body={"cart": cart.id},
            key=self._name(),
            subject=cart.id,
            items=tuple(cart.items),
            voucher=cart.voucher,
            is_held=cart.is_held,
        )
