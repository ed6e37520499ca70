"""Every row of the fault table that takes no root, once, with short faults."""

import pytest

from chaos.faults import FAULTS, Tolerance
from tests.system.fault_rows import TIMEOUT_S, rows_of

pytestmark = [pytest.mark.prove, pytest.mark.timeout(TIMEOUT_S)]
ROWS = [fault for fault in FAULTS.values() if not fault.is_root]
#: Each on a topology of its own: one that does not recover from a loss of files takes no other rows with it.
GROUPS = {
    "parts": [fault for fault in ROWS if fault.tolerance is not Tolerance.OUTAGE],
    "everything": [fault for fault in ROWS if fault.tolerance is Tolerance.OUTAGE],
}


@pytest.fixture(scope="module")
def rows(request, say):
    return rows_of(GROUPS[request.param], say)


@pytest.mark.parametrize(
    ("rows", "name"), [(group, fault.name) for group, faults in GROUPS.items() for fault in faults], indirect=["rows"]
)
def test_every_promise_holds_while_it_happens(rows, name):
    assert rows[name].broken_promises == []
