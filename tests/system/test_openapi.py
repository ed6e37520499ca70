"""Every operation of the document, with values that it allows and values that it does not: no answer is a 5xx, and
none is one that the document does not tell of."""

import uuid

import pytest
import schemathesis
from drf_spectacular.generators import SchemaGenerator
from hypothesis import settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
#: These revoke the token that they are called with.
LEAVING = ("logout", "logout-all", "password")


schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))


@pytest.fixture(scope="session")
def call(stack, staff, shopper):
    """Makes the call of a case through nginx, and checks the answer."""

    def checked(case, checks):
        is_leaving = case.path.rstrip("/").endswith(LEAVING)
        headers = (shopper() if is_leaving else staff).headers
        case.call_and_validate(base_url=stack.base_url, headers=headers, checks=checks)

    return checked


@schema.parametrize()
@settings(max_examples=15)
def test_every_answer_is_one_that_the_document_tells_of(case, call):
    call(case, CHECKS)


@schema.include(path_regex=r"\{id\}").parametrize()
@settings(max_examples=10)
def test_so_is_every_answer_about_something_that_is_there(case, call, staff, shopper):
    case.path_parameters["id"] = existing(case.path, staff, shopper)
    # The id is good whatever the case began with, so nothing says whether it must be rejected.
    call(case, [check for check in CHECKS if check is not negative_data_rejection])


def existing(path, staff, shopper):
    """The id of a new user, product or purchase: what the path is about."""
    if "/users/" in path:
        return shopper().get("/users/me/").json()["id"]
    product = staff.new_product(stock=5)
    return staff.buy(product, key=uuid.uuid4().hex).json()["id"] if "/purchases/" in path else product
