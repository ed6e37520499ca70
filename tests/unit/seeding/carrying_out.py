"""What a plan comes to in a shop without a store."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from shop.domain.ports import Shop
from shop.seeding.load import Loader, Tally
from shop.seeding.plan import Plan
from tests.fakes import FakeStore, fake_shop

KEPT = "a hash"


class FakeExistenceCheck:
    """Knows what is in the tables."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def missing(self, kind, ids):
        tables: dict[str, Mapping[str, object]] = {
            "users": self._store.users,
            "products": self._store.products | self._store.withdrawn,
            "purchases": self._store.purchases,
            "addresses": {user: theirs for user, theirs in self._store.addresses.items() if theirs},
            "shipping methods": self._store.shipping_methods,
            "vouchers": self._store.vouchers,
        }
        return frozenset(ids) - tables[kind].keys()

    def statuses(self, kind, ids):
        table: Mapping[str, Any] = self._store.purchases if kind == "purchases" else self._store.returns
        return [str(table[id].status) if id in table else "" for id in ids]

    def versions(self, kind, ids):
        carts = self._store.carts
        return [carts[id][0].version if id in carts else 0 for id in ids]


def loader(store: FakeStore, shop: Shop | None = None, *, timeout_s: float = 0) -> Loader:
    return Loader(
        shop=shop or fake_shop(store),
        existence=FakeExistenceCheck(store),
        password_hash=KEPT,
        watch=lambda tally: None,
        timeout_s=timeout_s,
    )


def load(plan: Plan, store: FakeStore) -> list[Tally]:
    return list(loader(store).load(plan))


def loaded(plan: Plan) -> FakeStore:
    store = FakeStore()
    load(plan, store)
    return store


def sold(store: FakeStore) -> Counter[str]:
    """Units by product."""
    units: Counter[str] = Counter()
    for purchase in store.purchases.values():
        units.update({item.product: item.quantity for item in purchase.items})
    return units
