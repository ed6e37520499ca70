"""Stock is looked at, and then taken: what somebody else took in between is sold twice."""

import time

from exactly_once import scripts
from shop.concurrency import REQUESTS
from shop.domain.errors import InsufficientStock, Shortage
from shop.repositories.purchases import RedisPurchaseRepository

BETWEEN = 2.0
SHORTAGES = "if #all.shortages > 0 then"

_texts, _place = scripts._texts, RedisPurchaseRepository.place


def trusting(folder):
    texts = _texts(folder)
    if "purchase_place" in texts:
        assert SHORTAGES in texts["purchase_place"]
        texts["purchase_place"] = texts["purchase_place"].replace(SHORTAGES, "if false then")
    return texts


def place(self, request, id, user, lines, at):
    for line in lines:
        stock = int(self._store.read(("HGET", self._keys.product(line.product), "stock")))
        if stock < line.quantity:
            raise InsufficientStock([Shortage(line.product, line.quantity, stock)])
    with REQUESTS.released():
        time.sleep(BETWEEN)
    return _place(self, request, id, user, lines, at)


scripts._texts = trusting
RedisPurchaseRepository.place = place  # type: ignore[method-assign]

from evergreen.wsgi import application  # noqa: E402

__all__ = ["application"]
