"""A small load: customers who look at a product, put it into a cart, hold it, buy the cart and pay, one after another,
and try nothing twice. What was confirmed is looked up in the end."""

import contextlib
import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from devstack.layout import Layout
from devstack.shop_client import API, Answer, CallFailed, Request, call, registration

BUYERS = 4
#: Before each request of a buyer: the writes of four stay below the rate limits of one address.
PAUSE_S = 0.15
MAX_RECORDS = 100_000
PAGE_SIZE = 100
OK, CREATED, CONFLICT = 200, 201, 409
#: One cart in so many has the voucher of the sample.
VOUCHER, CARTS_WITHOUT = "WELCOME10", 3
HOLD_MINUTES = 5
PAYMENT = {"provider": "fake", "method": "tok_ok"}
#: What a purchase is whose payment is lost. Staff may have shipped or cancelled one meanwhile.
UNPAID = ("placed", "expired")
#: Pages of purchases that are looked up for one buyer.
MAX_PAGES = 1_000
#: A status where no answer came.
NO_ANSWER = 0


class Record(NamedTuple):
    """A request that has ended: its instants are of the monotonic clock."""

    is_purchase: bool
    began: float
    ended: float
    status: int

    @property
    def is_failed(self) -> bool:
        """Whether the shop did not do its part. A product that is sold out is an answer."""
        return self.status not in (OK, CREATED, CONFLICT)

    @property
    def is_sale(self) -> bool:
        return self.is_purchase and self.status == CREATED


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup:
    """What the shop has of the purchases whose checkouts it answered, and of the payments."""

    bought: int
    paid: int
    lost: int
    unpaid: int

    def describe(self) -> str:
        """One line: whether anything is lost."""
        if self.lost or self.unpaid:
            return (
                f"Looked up: LOST are {self.lost} of {self.bought} purchases and {self.unpaid} of {self.paid} payments."
            )
        return (
            f"Looked up: all {self.bought:,} purchases that were confirmed are there, and all {self.paid:,} payments."
        )


class Buyer:
    """A customer who is signed in, and the ids of the purchases that the shop has confirmed, and of those as paid."""

    def __init__(self, layout: Layout, token: str, record: Callable[[Request], Answer | None]) -> None:
        self._layout = layout
        self._token = token
        self._record = record
        self.bought: list[str] = []
        self.paid: list[str] = []

    def buy(self, product: dict[str, str]) -> None:
        """Look at a product, and buy one through a cart. What is refused ends it."""
        if not self._record(Request(path=f"/products/{product['id']}/")):
            return
        cart = self._filled_cart(product)
        bought = cart and self._write("/purchases/", {"cart": cart})
        if not bought:
            return
        self.bought.append(bought["id"])
        if self._write(f"/purchases/{bought['id']}/payments/", PAYMENT):
            self.paid.append(bought["id"])

    def look_up(self) -> Lookup:
        """Compare what was confirmed with what is there. Raises CallFailed."""
        found = dict(self._purchases())
        lost = sum(id not in found for id in self.bought)
        unpaid = sum(found.get(id, UNPAID[0]) in UNPAID for id in self.paid)
        return Lookup(bought=len(self.bought), paid=len(self.paid), lost=lost, unpaid=unpaid)

    def _filled_cart(self, product: dict[str, str]) -> str:
        """The id of a cart with the product, held for the customer; empty where it could not be had."""
        made = self._write("/carts/", {"currency": product["currency"]})
        if not made:
            return ""
        cart = f"/carts/{made['id']}/"
        if not self._write(f"{cart}lines/{product['id']}/", {"quantity": 1}, "PUT"):
            return ""
        if random.randrange(CARTS_WITHOUT) == 0 and not self._write(f"{cart}voucher/", {"code": VOUCHER}, "PUT"):
            return ""
        held = self._write(f"{cart}hold/", {"minutes": HOLD_MINUTES}, "PUT")
        return str(made["id"]) if held else ""

    def _write(self, path: str, body: Mapping[str, object], verb: str = "") -> dict[str, str] | None:
        """The answer to a write under a key of its own; None where it was refused, or none came."""
        request = Request(path=path, body=body, token=self._token, idempotency_key=uuid.uuid4().hex, verb=verb)
        answer = self._record(request)
        return answer.document if answer and answer.status in (OK, CREATED) else None

    def _purchases(self) -> Iterator[tuple[str, str]]:
        """The customer's purchases, with the status of each."""
        path = f"/purchases/?page_size={PAGE_SIZE}"
        for _ in range(MAX_PAGES):
            page = _expected(call(self._layout, Request(path=path, token=self._token)), OK).document
            yield from ((purchase["id"], purchase["status"]) for purchase in page["results"])
            if not page["next"]:
                return
            path = page["next"].partition(API)[2]


class Buyers:
    """Customers of the shop of this layout, who buy until they are stopped."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._stopped = threading.Event()
        self._records: deque[Record] = deque(maxlen=MAX_RECORDS)
        self._threads: list[threading.Thread] = []
        self._buyers: list[Buyer] = []

    def start(self, number: int = BUYERS) -> None:
        """Register customers, and have them buy. Raises CallFailed."""
        products = self._products()
        self._buyers = [Buyer(self._layout, self._sign_in(), self._record) for _ in range(number)]
        for buyer in self._buyers:
            thread = threading.Thread(target=self._buy, args=(buyer, products), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Return when every request has ended."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def since(self, instant: float) -> list[Record]:
        """What has ended since this instant."""
        return [record for record in list(self._records) if record.ended >= instant]

    def look_up(self) -> Lookup:
        """Compare what the shop has confirmed with what it has. Raises CallFailed."""
        found = [buyer.look_up() for buyer in self._buyers]
        return Lookup(
            bought=sum(each.bought for each in found),
            paid=sum(each.paid for each in found),
            lost=sum(each.lost for each in found),
            unpaid=sum(each.unpaid for each in found),
        )

    def _products(self) -> Sequence[dict[str, str]]:
        answer = _expected(call(self._layout, Request(path=f"/products/?in_stock=true&page_size={PAGE_SIZE}")), OK)
        products: Sequence[dict[str, str]] = answer.document["results"]
        return products

    def _sign_in(self) -> str:
        customer = registration()
        _expected(call(self._layout, Request(path="/users/", body=customer)), CREATED)
        token: str = _expected(call(self._layout, Request(path="/auth/token/", body=customer)), OK).document["token"]
        return token

    def _buy(self, buyer: Buyer, products: Sequence[dict[str, str]]) -> None:
        while not self._stopped.is_set():
            buyer.buy(random.choice(products))

    def _record(self, request: Request) -> Answer | None:
        """Make a request; None where no answer came, or the load has been stopped."""
        if self._stopped.wait(PAUSE_S):
            return None
        began, answer = time.monotonic(), None
        with contextlib.suppress(CallFailed):
            answer = call(self._layout, request)
        self._records.append(
            Record(
                is_purchase=request.path == "/purchases/",
                began=began,
                ended=time.monotonic(),
                status=answer.status if answer else NO_ANSWER,
            )
        )
        return answer


def _expected(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise CallFailed(f"The shop answered {answer.status} where {status} was expected: {answer.document}")
    return answer
