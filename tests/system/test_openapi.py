"""Every operation of the document, with values that it allows and values that it does not: no answer is a 5xx, and
none is one that the document does not tell of. A few of each; test_openapi_long.py has many."""

import httpx
from hypothesis import settings

from devstack.temporary import RunningStack
from tests.system.document import schema


@schema.parametrize()
@settings(max_examples=5)
def test_every_answer_is_one_that_the_document_tells_of(case, call):
    call(case)


def test_a_post_without_its_slash_is_carried_out_at_the_address_of_the_308(stack: RunningStack):
    body = {"email": "nobody@example.com", "password": "a password of no one"}
    with httpx.Client(base_url=f"{stack.base_url}/api/v1", follow_redirects=True) as client:
        answer = client.post("/auth/token", json=body)
    assert [each.status_code for each in (*answer.history, answer)] == [308, 401]
    assert answer.json()["code"] == "invalid-credentials"
