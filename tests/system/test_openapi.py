"""Every operation of the document, with values that it allows and values that it does not: no answer is a 5xx, and
none is one that the document does not tell of. A few of each; test_openapi_long.py has many."""

from hypothesis import settings

from tests.system.document import schema


@schema.parametrize()
@settings(max_examples=5)
def test_every_answer_is_one_that_the_document_tells_of(case, call):
    call(case)


@schema.include(path_regex=r"\{id\}").parametrize()
@settings(max_examples=3)
def test_so_is_every_answer_about_something_that_is_there(case, call_existing):
    call_existing(case)
