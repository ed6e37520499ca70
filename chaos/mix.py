"""The default mix of requests: 57 % reads of the catalogue (and of the caller's purchases), 11 % purchases, 12 % carts
until they are bought, 10 % payments, their webhooks, refunds, shipments and returns, 4 % stock adjustments, 2 %
registrations, 1 % creations of products, 3 % cancellations."""

import random
import uuid
from collections import deque
from collections.abc import Iterator
from typing import Any

from chaos.cart_calls import CartCalls
from chaos.history import Call, CallKind, lines_of
from chaos.payment_calls import PaymentCalls, Sale
from chaos.stage import Stage

_SHARES = {
    CallKind.CATALOGUE: 53,
    CallKind.OWN: 4,
    CallKind.PURCHASE: 11,
    CallKind.CART: 12,
    CallKind.PAYMENT: 10,
    CallKind.ADJUSTMENT: 4,
    CallKind.REGISTRATION: 2,
    CallKind.CREATION: 1,
    CallKind.CANCELLATION: 3,
}
_PLACING = (CallKind.PURCHASE, CallKind.CHECKOUT)
_PAGES = ("", "?in_stock=true", "?search=green", "?ordering=price&category=Tea", "?ordering=-name&page_size=5")
#: Of the writes that can carry one, how many carry an idempotency key; and of those, how many are sent again under it.
_KEYED_SHARE, _REPEATED_SHARE = 0.5, 0.25
#: Of the reads of one product, how many are of one that was just created; and of how many of those.
_CREATED_SHARE, _MAX_CREATED = 0.15, 5


class Mix:
    """Makes calls from a stage. Purchases that were made are paid, read and cancelled later, each cancelled once;
    products that were created are read from then on."""

    def __init__(self, stage: Stage, seed: int = 1) -> None:
        self._stage = stage
        self._random = random.Random(seed)
        self._tokens = {person.id: person.token for person in (stage.staff, *stage.customers)}
        self._bought: deque[Sale] = deque(maxlen=500)
        self._known: set[str] = set()
        self._created: deque[str] = deque(maxlen=_MAX_CREATED)
        self._carts = CartCalls(stage, self._random, self._name)
        self._payments = PaymentCalls(stage, self._random, self._name)
        self._makers = {
            CallKind.CATALOGUE: self._catalogue,
            CallKind.OWN: self._own,
            CallKind.PURCHASE: self._purchase,
            CallKind.CART: self._carts.next_call,
            CallKind.PAYMENT: lambda: self._payments.next_call() or self._carts.next_call(),
            CallKind.ADJUSTMENT: self._adjustment,
            CallKind.REGISTRATION: self._registration,
            CallKind.CREATION: self._creation,
            CallKind.CANCELLATION: self._cancellation,
        }

    def token(self, caller: str) -> str:
        """The caller's token; empty for an anonymous one."""
        return self._tokens.get(caller, "")

    def calls(self) -> Iterator[Call]:
        """One call after the other, without end; now and then the same twice, under one key."""
        kinds, weights = list(_SHARES), list(_SHARES.values())
        while True:
            call = self._makers[self._random.choices(kinds, weights)[0]]()
            yield call
            if call.key and self._random.random() < _REPEATED_SHARE:
                yield _repeat(call)

    def record_response(self, call: Call) -> None:
        """Remember a purchase that was made, and a product that was created; go on with a cart and a payment."""
        self._carts.record_response(call)
        self._payments.record_response(call)
        if call.kind is CallKind.CREATION and call.status == 201:
            self._created.append(call.content["id"])
        if call.kind in _PLACING and call.status == 201 and (id := call.content["id"]) not in self._known:
            self._known.add(id)
            sale = Sale(id=id, caller=call.caller, headers=call.headers, lines=lines_of(call))
            self._bought.append(sale)
            self._payments.add(sale)

    def _catalogue(self) -> Call:
        if self._random.random() < 0.5:
            path = f"/products/{self._product()}/"
        else:
            path = f"/products/{self._random.choice(_PAGES)}"
        return Call(kind=CallKind.CATALOGUE, method="GET", path=path)

    def _product(self) -> str:
        is_new = self._created and self._random.random() < _CREATED_SHARE
        return self._random.choice(self._created if is_new else self._stage.products)

    def _own(self) -> Call:
        if not self._bought:
            return self._catalogue()
        sale = self._random.choice(self._bought)
        return Call(
            kind=CallKind.OWN,
            method="GET",
            path=f"/purchases/{sale.id}/",
            caller=sale.caller,
            headers=sale.headers,
            subject=sale.id,
        )

    def _purchase(self) -> Call:
        products = self._random.sample(self._stage.products, self._random.randint(1, 3))
        items = [{"product": product, "quantity": self._random.randint(1, 3)} for product in products]
        return self._write(CallKind.PURCHASE, "/purchases/", self._customer(), {"items": items})

    def _adjustment(self) -> Call:
        product = self._random.choice(self._stage.products)
        body = {"delta": self._random.choice((-2, -1, 1, 2, 3, 4)), "reason": "a count of the shelf"}
        return self._write(CallKind.ADJUSTMENT, f"/products/{product}/stock/", self._stage.staff.id, body, product)

    def _registration(self) -> Call:
        email = f"{self._name()}@chaos.example"
        body = {"email": email, "password": "a long walk home", "first_name": "Ada", "last_name": "Byron"}
        return Call(kind=CallKind.REGISTRATION, method="POST", path="/users/", body=body, subject=email)

    def _creation(self) -> Call:
        sku = self._name()
        body: dict[str, Any] = {
            "sku": sku,
            "name": "Green tea",
            "category": "Tea",
            "company": "Garden",
            "price": "4.20",
        }
        body = {**body, "currency": "EUR", "stock": self._random.randint(1, 9)}
        return self._write(CallKind.CREATION, "/products/", self._stage.staff.id, body, sku)

    def _cancellation(self) -> Call:
        if not self._bought:
            return self._purchase()
        sale = self._bought.popleft()
        call = self._write(CallKind.CANCELLATION, f"/purchases/{sale.id}/cancel/", sale.caller, {}, sale.id)
        call.headers = sale.headers
        return call

    def _write(self, kind: CallKind, path: str, caller: str, body: dict[str, Any], subject: str = "") -> Call:
        key = self._name() if self._random.random() < _KEYED_SHARE else ""
        return Call(kind=kind, method="POST", path=path, caller=caller, body=body, key=key, subject=subject)

    def _name(self) -> str:
        """One that no other run on the same store makes: products are created for each."""
        run = self._stage.products[0]
        return uuid.uuid5(uuid.NAMESPACE_OID, f"{run} {self._random.getrandbits(128)}").hex

    def _customer(self) -> str:
        return self._random.choice(self._stage.customers).id


def _repeat(call: Call) -> Call:
    return Call(
        kind=call.kind,
        method=call.method,
        path=call.path,
        caller=call.caller,
        headers=call.headers,
        body=call.body,
        key=call.key,
        subject=call.subject,
        items=call.items,
        voucher=call.voucher,
        is_held=call.is_held,
    )
