"""A small load: customers who look at a product and buy it, one after another, and try nothing twice."""

import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from devstack.layout import Layout
from devstack.shop_client import Answer, CallFailed, Request, call, registration

BUYERS = 4
#: Between two requests of a buyer: four stay below the rate limits of one address.
PAUSE_S = 0.1
MAX_RECORDS = 100_000
PAGE_SIZE = 100
CREATED, CONFLICT = 201, 409
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
        return self.status not in (200, CREATED, CONFLICT)

    @property
    def is_sale(self) -> bool:
        return self.is_purchase and self.status == CREATED


class Buyers:
    """Customers of the shop of this layout, who buy until they are stopped."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._stopped = threading.Event()
        self._records: deque[Record] = deque(maxlen=MAX_RECORDS)
        self._threads: list[threading.Thread] = []

    def start(self, number: int = BUYERS) -> None:
        """Register customers, and have them buy. Raises CallFailed."""
        products = self._products()
        for token in [self._sign_in() for _ in range(number)]:
            thread = threading.Thread(target=self._buy, args=(token, products), daemon=True)
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

    def _products(self) -> Sequence[str]:
        answer = _expected(call(self._layout, Request(path=f"/products/?in_stock=true&page_size={PAGE_SIZE}")), 200)
        return [product["id"] for product in answer.document["results"]]

    def _sign_in(self) -> str:
        customer = registration()
        _expected(call(self._layout, Request(path="/users/", body=customer)), CREATED)
        token: str = _expected(call(self._layout, Request(path="/auth/token/", body=customer)), 200).document["token"]
        return token

    def _buy(self, token: str, products: Sequence[str]) -> None:
        while not self._stopped.wait(PAUSE_S):
            product = random.choice(products)
            self._record(Request(path=f"/products/{product}/"))
            items = [{"product": product, "quantity": 1}]
            key = uuid.uuid4().hex
            self._record(Request(path="/purchases/", body={"items": items}, token=token, idempotency_key=key))

    def _record(self, request: Request) -> None:
        began = time.monotonic()
        try:
            status = call(self._layout, request).status
        except CallFailed:
            status = NO_ANSWER
        ended = time.monotonic()
        self._records.append(Record(is_purchase=request.body is not None, began=began, ended=ended, status=status))


def _expected(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise CallFailed(f"The shop answered {answer.status} where {status} was expected: {answer.document}")
    return answer
