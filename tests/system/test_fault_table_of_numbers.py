"""Rows of the fault table with other numbers of data nodes and Sentinels, where they differ most: what five survive and
three do not, and that one replica loses nothing; and those in which the numbers change."""

from dataclasses import replace
from functools import cache

import pytest

from chaos.faults import FAULTS, expected
from tests.system.fault_rows import GROUPS, PLAN_OF_ROWS, TIMEOUT_S, rows_of

pytestmark = [pytest.mark.prove, pytest.mark.timeout(TIMEOUT_S)]
SCALING = GROUPS["scaling"]
#: By the numbers of data nodes and Sentinels.
BY_NUMBER = {
    (2, 3): ("primary-killed",),
    (4, 5): ("quorum-lost", "two-sentinels-lost"),
}


#: Four data nodes and five Sentinels, each with its agent, leave two cores less time for a load.
PLAN = replace(PLAN_OF_ROWS, rate=25)


@pytest.fixture(scope="module")
def rows_of_group(request):
    return cache(
        lambda data_nodes, sentinels: rows_of(
            [expected(FAULTS[name], data_nodes, sentinels) for name in BY_NUMBER[data_nodes, sentinels]],
            request,
            PLAN,
            data_nodes=data_nodes,
            sentinels=sentinels,
        )
    )


@pytest.mark.parametrize(
    ("numbers", "name"), [(numbers, name) for numbers, names in BY_NUMBER.items() for name in names]
)
def test_every_promise_holds_while_it_happens(rows_of_group, numbers, name):
    assert rows_of_group(*numbers)[name].broken_promises == []


@pytest.fixture(scope="module")
def rows_of_scaling(request):
    return rows_of(SCALING, request)


@pytest.mark.parametrize("name", [fault.name for fault in SCALING])
def test_every_promise_holds_while_the_numbers_change(rows_of_scaling, name):
    assert rows_of_scaling[name].broken_promises == []
