"""The erasure of a user of 50,000 purchases: it disturbs no other, and no failover follows from it."""

import django
import pytest

from benchmarks.erasure import measure
from chaos.embedded import start

pytestmark = pytest.mark.prove

PURCHASES, RATE, SECONDS, TIMEOUT_S = 50_000, 25, 20, 30
#: By how many times the others' 99th percentile may grow.
MAX_GROWTH = 2.0


def test_the_others_buy_as_fast_while_a_user_of_many_purchases_is_erased():
    django.setup()
    with start("127.28") as target:
        seen = measure(target, PURCHASES, RATE, SECONDS, timeout_s=TIMEOUT_S)
    assert (seen.failed, seen.failovers) == (0, 0)
    assert seen.left < PURCHASES - 1_000
    assert seen.p99_ratio <= MAX_GROWTH
