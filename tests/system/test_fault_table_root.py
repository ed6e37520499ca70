"""Every row of the fault table that takes a packet filter or a file system of its own, once, with short faults."""

import pytest

from tests.system.fault_rows import GROUPS, LAGGING, TIMEOUT_S, rows_of

pytestmark = [pytest.mark.prove, pytest.mark.timeout(TIMEOUT_S)]
ROWS = GROUPS["root"]


@pytest.fixture(scope="module")
def rows(root, request):
    return rows_of([*ROWS, LAGGING], request)


@pytest.mark.parametrize("name", [fault.name for fault in ROWS])
def test_every_promise_holds_while_the_network_or_the_disk_fails(rows, name):
    assert rows[name].broken_promises == []


@pytest.mark.parametrize("name", [LAGGING.name])
def test_what_only_a_dead_primary_had_was_not_acknowledged(rows, name):
    assert rows[name].broken_promises == []
