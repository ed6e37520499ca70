"""The same suites on the shop in memory and on Redis. Every test has a shop of its own: another store name is another
shop, whatever else is on the server."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from devstack.temporary import RunningStack
from shop.bootstrap import Configuration, Container
from shop.domain.ports import Shop
from tests.fakes import FakeClock, FakeIds, FakeMailer, FakePasswords, FakeSecrets, fake_shop, payment_providers

Opener = Callable[[], AbstractContextManager[Shop]]


@pytest.fixture(scope="session", params=["fake", "redis"])
def open_shop(request: pytest.FixtureRequest) -> Opener:
    if request.param == "fake":
        return lambda: nullcontext(fake_shop())
    return partial(shop_on_redis, request.getfixturevalue("redis_stack"))


@pytest.fixture
def shop(open_shop: Opener) -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


@contextmanager
def shop_on_redis(stack: RunningStack, **changes: Any) -> Iterator[Shop]:
    """The real repositories; clock, ids, passwords and secrets are the ones that a test can foretell."""
    layout = stack.layout
    configuration = Configuration(
        store=f"test-{uuid4()}",
        master_name=layout.settings.primary_name,
        sentinels=[(address.host, address.port) for address in layout.sentinels.values()],
        credentials=layout.secrets.credentials("api"),
        **changes,
    )
    clock = FakeClock()
    with closing(Container(configuration)) as container:
        yield replace(
            container.shop,
            clock=clock,
            providers=payment_providers(clock),
            ids=FakeIds(),
            passwords=FakePasswords(),
            secrets=FakeSecrets(),
            mailer=FakeMailer(),
        )
