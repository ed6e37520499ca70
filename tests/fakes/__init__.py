"""The shop in memory: the ports of the domain without a store behind them, under the same contract suites."""

from shop.domain.ports import Shop
from tests.fakes.api_keys import FakeApiKeys
from tests.fakes.audit import FakeAudit
from tests.fakes.products import FakeProducts
from tests.fakes.purchases import FakePurchases
from tests.fakes.store import FakeStore
from tests.fakes.surroundings import FakeClock, FakeIdempotencySecret, FakeIds, FakePasswords, FakeSecrets
from tests.fakes.users import FakeUsers

__all__ = ["FakeClock", "FakeIds", "FakePasswords", "FakeSecrets", "FakeStore", "fake_shop"]


def fake_shop(store: FakeStore | None = None) -> Shop:
    """A shop with nothing in it, or what is in `store`; `store.unavailable` makes it fail."""
    clock = FakeClock()
    store = store or FakeStore()
    return Shop(
        clock=clock,
        ids=FakeIds(),
        passwords=FakePasswords(),
        secrets=FakeSecrets(),
        idempotency=FakeIdempotencySecret(),
        users=FakeUsers(store, clock),
        api_keys=FakeApiKeys(store),
        products=FakeProducts(store),
        purchases=FakePurchases(store),
        audit=FakeAudit(store),
    )
