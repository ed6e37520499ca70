"""The same suites on the shop in memory and on Redis. Every test has a shop of its own: another store name is another
shop, whatever else is on the server."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from devstack.temporary import RunningStack
from shop.bootstrap import Configuration, Container
from shop.domain.ports import Shop
from tests.fakes import FakeClock, FakeIds, FakeMailer, FakePasswords, FakeSecrets, fake_shop, payment_providers

STORE_TIMEOUT_S = 5

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


class StoreClock(FakeClock):
    """A clock that takes the time of the store along: the clock of a node cannot be set, so the instants by which
    purchases must be paid come nearer by as much."""

    def __init__(self, container: Container) -> None:
        super().__init__()
        self._container = container

    def advance(self, by: timedelta) -> None:
        super().advance(by)
        keys, cluster = self._container.keys, self._container.cluster
        primary = cluster.nodes[cluster.topology.refresh().primary]
        (flat,) = primary.run(("ZRANGE", keys.purchases_by_pay_by, 0, -1, "WITHSCORES"), timeout=STORE_TIMEOUT_S)
        sooner = [(id, int(at) - by // timedelta(milliseconds=1)) for id, at in zip(flat[::2], flat[1::2], strict=True)]
        commands = [
            command
            for id, at in sooner
            for command in (
                ("HSET", keys.purchase(id), "pay_by", at),
                ("ZADD", keys.purchases_by_pay_by, at, id),
            )
        ]
        if commands:
            primary.run(*commands, timeout=STORE_TIMEOUT_S)


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
    with closing(Container(configuration)) as container:
        clock = StoreClock(container)
        yield replace(
            container.shop,
            clock=clock,
            providers=payment_providers(clock),
            ids=FakeIds(),
            passwords=FakePasswords(),
            secrets=FakeSecrets(),
            mailer=FakeMailer(),
        )
