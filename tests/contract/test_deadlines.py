"""What happens to a write that comes after its deadline, to an instance that was frozen, say."""

import time
from dataclasses import replace

import pytest

from exactly_once.errors import OutcomeUnknown, StoreUnavailable
from tests.contract.conftest import shop_on_redis
from tests.contract.test_exactly_once import WRITES
from tests.samples import a_request, again


@pytest.fixture
def shop(redis_stack):
    with shop_on_redis(redis_stack) as shop:
        yield shop


def late(request):
    return replace(request, deadline=time.monotonic() - 1)


@pytest.mark.parametrize("scene", WRITES.values(), ids=WRITES)
def test_a_write_after_its_deadline_is_not_begun(shop, scene):
    act, request = scene(shop), a_request()
    with pytest.raises(StoreUnavailable):
        act(late(request))
    assert act(request).origin_request_id == request.id


@pytest.mark.parametrize("scene", WRITES.values(), ids=WRITES)
def test_it_is_never_said_that_nothing_was_done_where_an_earlier_try_did_something(shop, scene):
    act, request = scene(shop), a_request()
    done = act(request)
    with pytest.raises(OutcomeUnknown):
        act(late(again(request)))
    assert act(again(request)) == done
