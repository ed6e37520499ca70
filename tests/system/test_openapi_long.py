"""As test_openapi.py, with many cases of each operation, as anonymous, customer and staff."""

import pytest
from hypothesis import settings

from tests.system.document import schema

pytestmark = pytest.mark.prove
#: Of each operation and caller; and of each operation about something that is there.
CASES, CASES_OF_EXISTING = 8, 8
IDENTITIES = ("anonymous", "customer", "staff")


@pytest.mark.parametrize("identity", IDENTITIES)
@schema.parametrize()
@settings(max_examples=CASES)
def test_every_answer_is_one_that_the_document_tells_of(case, identity, call_as):
    call_as(identity, case)


@schema.include(path_regex=r"\{id\}").parametrize()
@settings(max_examples=CASES_OF_EXISTING)
def test_so_is_every_answer_about_something_that_is_there(case, call_existing):
    call_existing(case)
