"""What a voucher takes off is computed by a script where it is paid, and by this process where it is shown. Both come
to the same."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.domain.vouchers import BASIS_POINTS, VoucherKind, discount_of
from shop.repositories.purchases import MAX_TOTAL_MINOR
from shop.repositories.scripts import FOLDER
from tests.stack_fixtures import primary_of
from tests.store_access import operator_node

TIMEOUT_S = 10.0
#: Cases that one run of the script computes.
MAX_CASES = 200
_EACH = """
local discounts = {}
for place, case in ipairs(cjson.decode(ARGV[1])) do
  local value, items, shipping = tonumber(case[2]), tonumber(case[3]), tonumber(case[4])
  discounts[place] = string.format('%.0f', discount_of(case[1], value, items, shipping))
end
return discounts
"""
SOURCE = (FOLDER / "parts" / "discounts.lua").read_text("utf-8") + _EACH

_AMOUNTS = st.integers(0, MAX_TOTAL_MINOR) | st.integers(0, 100_000)
_CASES = st.one_of(
    st.tuples(st.just(VoucherKind.PERCENT), st.integers(1, BASIS_POINTS), _AMOUNTS, _AMOUNTS),
    st.tuples(st.just(VoucherKind.AMOUNT), st.integers(1, 10**12), _AMOUNTS, _AMOUNTS),
    st.tuples(st.just(VoucherKind.SHIPPING), st.just(0), _AMOUNTS, _AMOUNTS),
)


@pytest.fixture(scope="module")
def node(redis_stack):
    return operator_node(redis_stack.layout.redis[primary_of(redis_stack)])


@settings(max_examples=50, deadline=None)
@given(st.lists(_CASES, min_size=1, max_size=MAX_CASES))
def test_a_script_computes_every_discount_as_this_process_does(node, cases):
    # Numbers as texts, as the fields of a hash are.
    text = json.dumps([(str(kind), *map(str, numbers)) for kind, *numbers in cases])
    (discounts,) = node.run(("EVAL", SOURCE, 0, text), timeout=TIMEOUT_S)
    assert discounts == [str(discount_of(*case)) for case in cases]
