"""Rate limits are exact across instances, cost no round trip, and end by themselves."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from uuid import uuid4

import pytest

from devstack.temporary import RunningStack
from exactly_once.errors import RateLimited
from exactly_once.rate_limits import RateLimit
from shop.bootstrap import Configuration, Container
from tests.samples import a_request, in_catalogue, registered, signed_in
from tests.stack_fixtures import primary_of
from tests.store_access import run_once

ATTEMPTS, BURST = 320, 20
LIMIT = RateLimit(key="caller", interval_us=60_000_000, burst=BURST)


@pytest.fixture
def containers(redis_stack: RunningStack) -> Iterator[list[Container]]:
    """Two processes' parts of one shop."""
    layout = redis_stack.layout
    configuration = Configuration(
        store=f"test-{uuid4()}",
        master_name=layout.settings.primary_name,
        sentinels=[(address.host, address.port) for address in layout.sentinels.values()],
        secret_key="a secret key of a test, and of nothing else in the world",
        credentials=layout.operator,
    )
    with ExitStack() as opened:
        yield [opened.enter_context(closing(Container(configuration))) for _ in range(2)]


def is_admitted(attempt) -> bool:
    try:
        attempt()
    except RateLimited:
        return False
    return True


def admitted(attempts) -> int:
    with ThreadPoolExecutor(32) as threads:
        return sum(threads.map(is_admitted, attempts))


def test_exactly_the_burst_of_writes_through_two_instances_is_admitted(containers):
    product = in_catalogue(containers[0].shop, stock=1_000)

    def sell(number: int):
        shop = containers[number % 2].shop
        return lambda: shop.products.adjust_stock(a_request(rate_limit=LIMIT), product.id, -1, None)

    assert admitted(map(sell, range(ATTEMPTS))) == BURST
    assert containers[1].shop.products.get(product.id).stock == 1_000 - BURST


def test_exactly_the_burst_of_reads_through_two_instances_is_admitted(containers):
    user = registered(containers[0].shop)
    caller = signed_in(containers[0].shop, user)

    def read(number: int):
        return lambda: containers[number % 2].shop.users.caller(caller.token, "a request", LIMIT)

    assert admitted(map(read, range(ATTEMPTS))) == BURST


def test_exactly_the_burst_of_admissions_through_two_instances_is_admitted(containers):
    wide = RateLimit(key="wide", interval_us=60_000_000, burst=ATTEMPTS)

    def admit(number: int):
        return lambda: containers[number % 2].shop.rates.admit([LIMIT, wide])

    assert admitted(map(admit, range(ATTEMPTS))) == BURST
    assert is_admitted(lambda: containers[0].shop.rates.admit([wide]))


def test_a_limit_is_one_key_that_expires_when_it_no_longer_limits(containers, redis_stack):
    keys = containers[0].keys
    for _ in range(3):
        containers[0].shop.rates.admit([LIMIT])
    primary = redis_stack.layout.redis[primary_of(redis_stack)]
    (names,) = run_once(primary, ("KEYS", keys.rate("*")))
    assert names == [keys.rate(LIMIT.key)]
    (left_ms,) = run_once(primary, ("PTTL", keys.rate(LIMIT.key)))
    assert 2 * 60_000 < left_ms <= 3 * 60_000


def test_a_value_from_the_future_limits_no_longer_than_the_burst(containers, redis_stack):
    """Another primary's clock was an hour ahead."""
    primary = redis_stack.layout.redis[primary_of(redis_stack)]
    limit = RateLimit(key="ahead", interval_us=1_000, burst=1)
    run_once(primary, ("SET", containers[0].keys.rate("ahead"), 10**16 // 2))
    with pytest.raises(RateLimited) as refusal:
        containers[0].shop.rates.admit([limit])
    assert refusal.value.retry_after_s == 0.001


def test_a_replica_admits_reads_uncharged(containers, redis_stack):
    container = containers[0]
    caller = signed_in(container.shop, registered(container.shop))
    script = container.store.scripts["token_caller"]
    keys = {"token": container.keys.token(caller.token), "tokens_not_before": container.keys.tokens_not_before}
    args = {
        "digest": caller.token,
        "request_id": "a request",
        "user_prefix": container.keys.user_prefix,
        "rate_prefix": container.keys.rate("reads:"),
        "rate_interval_us": 60_000_000,
        "rate_burst": 1,
    }
    command = ["EVAL", script.source, *script.command(keys, args, charges=True)[2:]]
    replica = next(each for name, each in redis_stack.layout.redis.items() if name != primary_of(redis_stack))
    replies = [run_once(replica, command)[0] for _ in range(3)]
    assert [reply[1] for reply in replies] == [caller.id] * 3
