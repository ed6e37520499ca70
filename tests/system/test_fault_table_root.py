"""Every row of the fault table that takes a packet filter or a file system of its own, once, with short faults."""

import pytest

from chaos.faults import FAULTS
from tests.system.fault_rows import LAGGING, TIMEOUT_S, rows_of

pytestmark = [pytest.mark.prove, pytest.mark.timeout(TIMEOUT_S)]
ROWS = {name: fault for name, fault in FAULTS.items() if fault.is_root}


@pytest.fixture(scope="module")
def rows(root, say):
    return rows_of([*ROWS.values(), LAGGING], say)


@pytest.mark.parametrize("name", ROWS)
def test_every_promise_holds_while_the_network_or_the_disk_fails(rows, name):
    assert rows[name].broken_promises == []


def test_what_only_a_dead_primary_had_was_not_acknowledged(rows):
    assert rows[LAGGING.name].broken_promises == []
