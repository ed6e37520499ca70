"""Every row of the fault table that takes no root, once, with short faults."""

from functools import cache

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
def rows_of_group(say):
    """The rows of a group, which are run once. A parametrized fixture would be set up anew for each of its tests."""
    return cache(lambda group: rows_of(GROUPS[group], say))


@pytest.mark.parametrize(
    ("group", "name"), [(group, fault.name) for group, faults in GROUPS.items() for fault in faults]
)
def test_every_promise_holds_while_it_happens(rows_of_group, group, name):
    assert rows_of_group(group)[name].broken_promises == []
