"""Which requests a load is made of: 60 % reads of the catalogue (and of one's own purchases), 20 % purchases, 10 %
stock adjustments, 5 % registrations, 5 % cancellations."""

import random
import uuid
from collections import deque
from collections.abc import Iterator
from typing import Any

from chaos.history import Call, Kind
from chaos.stage import Stage

_SHARES = {
    Kind.CATALOGUE: 55,
    Kind.OWN: 5,
    Kind.PURCHASE: 20,
    Kind.ADJUSTMENT: 10,
    Kind.REGISTRATION: 5,
    Kind.CANCELLATION: 5,
}
_PAGES = ("", "?in_stock=true", "?search=green", "?ordering=price&category=Tea", "?ordering=-name&page_size=5")
#: Of the writes that can carry one, how many carry an idempotency key; and of those, how many are sent again under it.
_KEYED, _AGAIN = 0.5, 0.25


class Mix:
    """Makes calls, and hears of purchases that were made: those are read and cancelled later, each cancelled once."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._chance = random.Random(seed)
        self._tokens = {person.id: person.token for person in (stage.staff, *stage.customers)}
        self._bought: deque[tuple[str, str]] = deque(maxlen=500)
        self._known: set[str] = set()
        self._makers = {
            Kind.CATALOGUE: self._catalogue,
            Kind.OWN: self._own,
            Kind.PURCHASE: self._purchase,
            Kind.ADJUSTMENT: self._adjustment,
            Kind.REGISTRATION: self._registration,
            Kind.CANCELLATION: self._cancellation,
        }

    def token(self, caller: str) -> str:
        """The caller's token; empty for nobody's."""
        return self._tokens.get(caller, "")

    def calls(self) -> Iterator[Call]:
        """One call after the other, without end; now and then the same twice, under one key."""
        kinds, weights = list(_SHARES), list(_SHARES.values())
        while True:
            call = self._makers[self._chance.choices(kinds, weights)[0]]()
            yield call
            if call.key and self._chance.random() < _AGAIN:
                yield _same(call)

    def heard(self, call: Call) -> None:
        """Takes note of an answer."""
        if call.kind is Kind.PURCHASE and call.status == 201 and (id := call.content["id"]) not in self._known:
            self._known.add(id)
            self._bought.append((call.caller, id))

    def _catalogue(self) -> Call:
        if self._chance.random() < 0.5:
            path = f"/products/{self._chance.choice(self._stage.products)}/"
        else:
            path = f"/products/{self._chance.choice(_PAGES)}"
        return Call(kind=Kind.CATALOGUE, method="GET", path=path)

    def _own(self) -> Call:
        if not self._bought:
            return self._catalogue()
        caller, purchase = self._chance.choice(self._bought)
        return Call(kind=Kind.OWN, method="GET", path=f"/purchases/{purchase}/", caller=caller, subject=purchase)

    def _purchase(self) -> Call:
        products = self._chance.sample(self._stage.products, self._chance.randint(1, 3))
        items = [{"product": product, "quantity": self._chance.randint(1, 3)} for product in products]
        return self._write(Kind.PURCHASE, "/purchases/", self._customer(), {"items": items})

    def _adjustment(self) -> Call:
        product = self._chance.choice(self._stage.products)
        body = {"delta": self._chance.choice((-2, -1, 1, 2, 3, 4)), "reason": "a count of the shelf"}
        return self._write(Kind.ADJUSTMENT, f"/products/{product}/stock/", self._stage.staff.id, body, product)

    def _registration(self) -> Call:
        # Nobody's of another run on the same store.
        email = f"{uuid.UUID(int=self._chance.getrandbits(128)).hex}@{self._stage.staff.id}.example"
        body = {"email": email, "password": "a long walk home", "first_name": "Ada", "last_name": "Byron"}
        return Call(kind=Kind.REGISTRATION, method="POST", path="/users/", body=body, subject=email)

    def _cancellation(self) -> Call:
        if not self._bought:
            return self._purchase()
        caller, purchase = self._bought.popleft()
        return self._write(Kind.CANCELLATION, f"/purchases/{purchase}/cancel/", caller, {}, purchase)

    def _write(self, kind: Kind, path: str, caller: str, body: dict[str, Any], subject: str = "") -> Call:
        key = uuid.UUID(int=self._chance.getrandbits(128)).hex if self._chance.random() < _KEYED else ""
        return Call(kind=kind, method="POST", path=path, caller=caller, body=body, key=key, subject=subject)

    def _customer(self) -> str:
        return self._chance.choice(self._stage.customers).id


def _same(call: Call) -> Call:
    return Call(
        kind=call.kind,
        method=call.method,
        path=call.path,
        caller=call.caller,
        body=call.body,
        key=call.key,
        subject=call.subject,
    )
