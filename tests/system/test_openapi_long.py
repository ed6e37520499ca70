"""As test_openapi.py, with fifty cases of each operation."""

import pytest
from hypothesis import settings

from tests.system.document import schema

pytestmark = pytest.mark.prove
CASES = 50


@schema.parametrize()
@settings(max_examples=CASES)
def test_every_answer_is_one_that_the_document_tells_of(case, call):
    call(case)


@schema.include(path_regex=r"\{id\}").parametrize()
@settings(max_examples=CASES)
def test_so_is_every_answer_about_something_that_is_there(case, call_existing):
    call_existing(case)
