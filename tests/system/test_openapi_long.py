"""As test_openapi.py, with many cases of each operation, as staff and as everyone else whom it admits; and about
something that is there."""

from collections.abc import Callable

import pytest
from hypothesis import settings

from shop.api.access import Identity
from tests.system.document import schema

pytestmark = pytest.mark.prove
#: Of each operation and caller; and of each operation about something that is there.
CASES, CASES_OF_EXISTING = 6, 8


def admits(identity: Identity) -> Callable[..., bool]:
    """Whether an operation of the document admits this caller. What it refuses is refused whatever it is."""
    return lambda context: identity in context.operation.definition.raw["x-access"]["roles"]


@schema.include(admits(Identity.ANONYMOUS)).parametrize()
@settings(max_examples=CASES)
def test_every_answer_to_an_anonymous_caller_is_one_that_the_document_tells_of(case, call_as):
    call_as(Identity.ANONYMOUS, case)


@schema.include(admits(Identity.CUSTOMER)).parametrize()
@settings(max_examples=CASES)
def test_every_answer_to_a_customer_is_one_that_the_document_tells_of(case, call_as):
    call_as(Identity.CUSTOMER, case)


@schema.parametrize()
@settings(max_examples=CASES)
def test_every_answer_to_staff_is_one_that_the_document_tells_of(case, call_as):
    call_as(Identity.STAFF, case)


@schema.include(path_regex=r"\{id\}").parametrize()
@settings(max_examples=CASES_OF_EXISTING)
def test_so_is_every_answer_about_something_that_is_there(case, call_existing):
    call_existing(case)
