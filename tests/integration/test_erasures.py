"""The erasure of a user of many purchases: no failover follows from it, and one in its midst loses nothing of it."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import pytest

from devstack import lifecycle
from devstack.temporary import RunningStack, running
from exactly_once import Unavailable
from exactly_once.client import Command
from shop.bootstrap import Container
from shop.domain.ports import Shop
from shop.services.erasures import MAX_STEPS_PER_REQUEST, erasures_pursue
from shop.services.reauthentication import unconfirmed
from shop.services.users import user_delete
from tests.integration.auditing import a_shop, found
from tests.samples import a_request, in_catalogue, placed, registered, units
from tests.stack_fixtures import wait_until

T = TypeVar("T")
#: As many as kept a primary busy for longer than the Sentinels wait, when one script erased them.
MANY, SOME = 60_000, 4_000
BATCH, TIMEOUT_S = 5_000, 30.0
MAX_ROUNDS = 20


@pytest.fixture(scope="module")
def data_tier() -> Iterator[RunningStack]:
    """Nodes and Sentinels that only these tests kill."""
    with running("127.23", lifecycle.DATA_ONLY, stores="*") as started:
        started.wait_until_whole()
        yield started


@pytest.fixture
def container(data_tier: RunningStack) -> Iterator[Container]:
    with a_shop(data_tier) as made:
        yield made


def buyer_of(container: Container, count: int) -> tuple[str, str]:
    """A user with so many purchases, copies of one that are not counted against the stock; and the first one's id."""
    shop, keys = container.shop, container.keys
    buyer = registered(shop)
    first = placed(shop, buyer.id, units(in_catalogue(shop), 1))
    fields = container.store.read(("HGETALL", keys.purchase(first.id)))
    ids = [f"{first.id[:-8]}{number:08}" for number in range(count)]
    run(container, [("HSET", keys.purchase(id), *fields, "id", id) for id in ids])
    scored = [[part for id in some for part in (0, id)] for some in batched(ids, BATCH)]
    for user in (None, buyer.id):
        for status in (None, first.status):
            run(container, [("ZADD", keys.purchase_index(user, status), *members) for members in scored])
    return buyer.id, first.id


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def run(container: Container, commands: list[Command]) -> None:
    primary = container.cluster.topology.refresh().primary
    assert primary
    for some in batched(commands, BATCH):
        container.cluster.nodes[primary].run(*some, timeout=TIMEOUT_S)


def delete(shop: Shop, user: str) -> None:
    user_delete(shop=shop, request=a_request(), id=user, if_match=None, confirm=unconfirmed)


def pursue(shop: Shop) -> int:
    """Rounds without pauses, until no erasure is pending; returns how many."""
    for rounds in range(1, MAX_ROUNDS + 1):
        try:
            if not erasures_pursue(shop=shop, pause=lambda _: None):
                return rounds
        except Unavailable:
            # A step that may have been done is taken again: it does no harm.
            continue
    raise AssertionError("still pending")


def is_gone(container: Container, user: str) -> bool:
    """Whether no key of the user is left, nor a purchase with the user's id."""
    keys = container.keys
    left = [keys.user(user), keys.user_purchases(user), keys.user_tokens(user), keys.erasing_purchases(user)]
    primary = container.cluster.topology.refresh().primary
    assert primary
    (ids,) = container.cluster.nodes[primary].run(("ZRANGE", keys.purchases, 0, -1), timeout=TIMEOUT_S)
    buyers: set[str] = set()
    for some in batched(ids, BATCH):
        commands = [("HMGET", keys.purchase(id), "user", "history") for id in some]
        replies = container.cluster.nodes[primary].run(*commands, timeout=TIMEOUT_S)
        buyers |= {text for reply in replies for text in reply}
    return not container.store.read(("EXISTS", *left, keys.erasures)) and not any(user in text for text in buyers)


def test_no_failover_follows_from_the_erasure_of_a_user_of_many_purchases(data_tier, container):
    user, first = buyer_of(container, MANY)
    before = data_tier.primary
    delete(container.shop, user)
    assert container.shop.users.pending_erasures(1).count == 1
    assert container.shop.purchases.get(first, None).user is None
    assert pursue(container.shop) > 1
    assert data_tier.primary == before
    assert is_gone(container, user)


def test_an_erasure_survives_the_death_of_the_primary(data_tier, container):
    user, _ = buyer_of(container, SOME)
    former = data_tier.primary
    delete(container.shop, user)
    assert container.shop.users.pending_erasures(1).count == 1
    data_tier.kill(former)
    pursue(container.shop)
    wait_until(lambda: data_tier.primary not in (None, former))
    assert is_gone(container, user)
    data_tier.wait_until_whole()


def test_an_erasure_of_few_purchases_is_complete_when_it_is_answered(container):
    shop = container.shop
    buyer, product = registered(shop), in_catalogue(shop, stock=50)
    for _ in range(MAX_STEPS_PER_REQUEST):
        placed(shop, buyer.id, units(product, 1))
    delete(shop, buyer.id)
    assert shop.users.pending_erasures(1).count == 0
    assert is_gone(container, buyer.id)
    assert found(container) == []
