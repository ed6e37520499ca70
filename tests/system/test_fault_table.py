"""Every row of the fault table that takes no root, once, with short faults."""

import pytest

from chaos.faults import FAULTS
from tests.system.fault_rows import TIMEOUT_S, rows_of

pytestmark = [pytest.mark.prove, pytest.mark.timeout(TIMEOUT_S)]
ROWS = {name: fault for name, fault in FAULTS.items() if not fault.is_root}


@pytest.fixture(scope="module")
def rows(say):
    return rows_of([*ROWS.values()], say)


@pytest.mark.parametrize("name", ROWS)
def test_every_promise_holds_while_it_happens(rows, name):
    assert rows[name].broken_promises == []
