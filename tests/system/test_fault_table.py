"""The rows of the fault table of instances, nginx, clients and supervisors, each once, with short faults."""

import pytest

from tests.system.fault_rows import GROUPS, TIMEOUT_S, rows_of

pytestmark = [pytest.mark.prove, pytest.mark.timeout(TIMEOUT_S)]
ROWS = GROUPS["instances"]


@pytest.fixture(scope="module")
def rows(request):
    return rows_of(ROWS, request)


@pytest.mark.parametrize("name", [fault.name for fault in ROWS])
def test_every_promise_holds_while_it_happens(rows, name):
    assert rows[name].broken_promises == []
