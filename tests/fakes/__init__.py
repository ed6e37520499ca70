"""The shop in memory: the ports of the domain without a store behind them, under the same contract suites."""

from collections.abc import Mapping
from datetime import timedelta

from shop.domain.payments import PaymentProvider
from shop.domain.ports import Shop
from shop.domain.surroundings import Clock
from shop.domain.webhook_urls import WebhookPolicy
from shop.payments.fake import FakeProvider
from shop.payments.manual import ManualProvider
from tests.fakes.accounts import FakeAccounts
from tests.fakes.addresses import FakeAddresses
from tests.fakes.api_keys import FakeApiKeys
from tests.fakes.audit import FakeAudit
from tests.fakes.carts import FakeCarts
from tests.fakes.checkouts import FakeCheckouts
from tests.fakes.events import FakeEvents
from tests.fakes.figures import FakeFigures
from tests.fakes.mail import FakeMailer
from tests.fakes.payments import FakePayments
from tests.fakes.products import FakeProducts
from tests.fakes.purchases import FakePurchases
from tests.fakes.returns import FakeReturns
from tests.fakes.shipping_methods import FakeShippingMethods
from tests.fakes.store import FakeStore
from tests.fakes.surroundings import FakeClock, FakeIdempotencySecret, FakeIds, FakePasswords, FakeSecrets
from tests.fakes.transfers import FakeTransfers
from tests.fakes.users import FakeUsers
from tests.fakes.vouchers import FakeVouchers
from tests.fakes.webhooks import FakeDeliveries, FakeEndpoints, FakeWebhookTables

__all__ = [
    "FakeClock",
    "FakeIds",
    "FakeMailer",
    "FakePasswords",
    "FakeSecrets",
    "FakeStore",
    "fake_shop",
    "payment_providers",
]

PAY_WITHIN = timedelta(minutes=30)


def fake_shop(store: FakeStore | None = None, *, max_open_purchases: int = 0) -> Shop:
    """A shop with nothing in it, or what is in `store`; `store.unavailable` makes it fail."""
    clock = FakeClock()
    store = store or FakeStore()
    users = FakeUsers(store, clock)
    webhooks = FakeWebhookTables()
    return Shop(
        clock=clock,
        ids=FakeIds(),
        passwords=FakePasswords(),
        secrets=FakeSecrets(),
        idempotency=FakeIdempotencySecret(),
        mailer=FakeMailer(),
        users=users,
        accounts=FakeAccounts(store, users),
        api_keys=FakeApiKeys(store),
        products=FakeProducts(store),
        carts=FakeCarts(store),
        checkouts=FakeCheckouts(store, clock, PAY_WITHIN, max_open_purchases),
        vouchers=FakeVouchers(store),
        shipping_methods=FakeShippingMethods(store),
        addresses=FakeAddresses(store),
        rates=store,
        purchases=FakePurchases(store, clock, max_open_purchases),
        returns=FakeReturns(store),
        figures=FakeFigures(store),
        audit=FakeAudit(store),
        events=FakeEvents(store),
        endpoints=FakeEndpoints(store, webhooks),
        deliveries=FakeDeliveries(store, webhooks),
        transfers=FakeTransfers(store),
        webhook_policy=WebhookPolicy(),
        payments=FakePayments(store),
        providers=payment_providers(clock),
    )


def payment_providers(clock: Clock) -> Mapping[str, PaymentProvider]:
    """The providers that need no network, by their names."""
    return {provider.name: provider for provider in (ManualProvider(), FakeProvider(clock, b"a secret"))}
