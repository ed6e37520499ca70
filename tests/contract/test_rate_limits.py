"""A write is charged once to the rate limit of its caller, in the step that carries it out; a repeat never is."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from exactly_once.errors import RateLimited, Refusal
from exactly_once.rate_limits import RateLimit, RateState
from shop.domain.errors import NotFound
from tests.samples import a_product, a_request, again, in_catalogue

BURST = 5
MINUTE_US = 60_000_000


@pytest.fixture
def product(shop):
    return in_catalogue(shop, stock=100)


def a_limit(key="ada", **changes) -> RateLimit:
    return RateLimit(**{"key": key, "interval_us": MINUTE_US, "burst": BURST, **changes})


def stock(shop, product) -> int:
    return shop.products.get(product.id).stock


def sell(shop, product, limit: RateLimit):
    request = a_request(rate_limit=limit)
    shop.products.adjust_stock(request, product.id, -1, None)
    return request


def is_limited(shop, product, limit: RateLimit) -> bool:
    try:
        sell(shop, product, limit)
    except RateLimited:
        return True
    return False


def test_the_burst_is_admitted_at_once_and_no_more(shop, product):
    assert [is_limited(shop, product, a_limit()) for _ in range(BURST + 2)] == [False] * BURST + [True] * 2
    assert stock(shop, product) == 100 - BURST


def test_a_refusal_says_after_how_many_seconds_one_more_is_admitted(shop, product):
    for _ in range(BURST):
        sell(shop, product, a_limit())
    with pytest.raises(RateLimited) as refusal:
        sell(shop, product, a_limit())
    assert 55 < refusal.value.retry_after_s <= 60


def test_a_repeat_gets_its_outcome_while_the_limit_is_used_up(shop, product):
    request = sell(shop, product, a_limit())
    while not is_limited(shop, product, a_limit()):
        pass
    left = stock(shop, product)
    assert shop.products.adjust_stock(again(request), product.id, -1, None).origin_request_id == request.id
    assert stock(shop, product) == left


def test_a_repeat_is_not_charged(shop, product):
    request = sell(shop, product, a_limit())
    for _ in range(BURST):
        shop.products.adjust_stock(again(request), product.id, -1, None)
    assert [is_limited(shop, product, a_limit()) for _ in range(BURST)] == [False] * (BURST - 1) + [True]


def test_a_limited_request_is_carried_out_when_it_is_repeated_later(shop, product):
    limit = a_limit(interval_us=200_000, burst=1)
    sell(shop, product, limit)
    request = a_request(rate_limit=limit)
    with pytest.raises(RateLimited):
        shop.products.adjust_stock(request, product.id, -1, None)
    while True:
        try:
            result = shop.products.adjust_stock(again(request), product.id, -1, None)
            break
        except RateLimited:
            continue
    assert result.value == 98


def test_callers_have_limits_of_their_own(shop, product):
    while not is_limited(shop, product, a_limit("ada")):
        pass
    assert not is_limited(shop, product, a_limit("bob"))


def test_a_refused_purchase_and_a_missing_object_are_charged(shop, product):
    with pytest.raises(Refusal):
        shop.products.adjust_stock(a_request(rate_limit=a_limit(burst=2)), product.id, -101, None)
    missing = a_product(shop)
    with pytest.raises(NotFound):
        shop.products.adjust_stock(a_request(rate_limit=a_limit(burst=2)), missing.id, 1, None)
    assert is_limited(shop, product, a_limit(burst=2))


def test_the_state_of_the_limit_is_observed(shop, product):
    states: list[RateState] = []
    for _ in range(BURST + 1):
        is_limited(shop, product, a_limit(observe=states.append))
    assert [state.remaining for state in states] == [4, 3, 2, 1, 0, 0]
    assert all(55 < state.reset_s <= BURST * 60 for state in states)


def test_a_write_without_a_limit_observes_nothing(shop, product):
    states: list[RateState] = []
    sell(shop, product, a_limit(interval_us=0, observe=states.append))
    assert states == []


def test_a_lower_limit_counts_at_once(shop, product):
    for _ in range(BURST):
        sell(shop, product, a_limit())
    states: list[RateState] = []
    assert is_limited(shop, product, a_limit(interval_us=1_000_000, burst=1, observe=states.append))
    assert states[0].reset_s <= 1


def test_exactly_the_burst_of_concurrent_writes_is_admitted(shop, product):
    with ThreadPoolExecutor(16) as threads:
        limited = list(threads.map(lambda _: is_limited(shop, product, a_limit()), range(48)))
    assert limited.count(False) == BURST
    assert stock(shop, product) == 100 - BURST
