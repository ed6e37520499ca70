"""The short rows of the fault table: one load, the faults one after the other, one check. The others are in
test_fault_table*.py."""

import pytest

from chaos.faults import FAULTS, SHORT
from tests.system.fault_rows import TIMEOUT_S, rows_of

pytestmark = pytest.mark.timeout(TIMEOUT_S)


@pytest.fixture(scope="module")
def rows(request):
    return rows_of([FAULTS[name] for name in SHORT], request)


@pytest.mark.parametrize("name", SHORT)
def test_every_promise_holds_while_it_happens(rows, name):
    assert rows[name].broken_promises == []
