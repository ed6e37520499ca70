"""The OpenAPI document, and calls that are made as it says."""

import uuid

import schemathesis
from drf_spectacular.generators import SchemaGenerator
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
#: The id is good whatever the case began with, so nothing says whether it must be rejected.
CHECKS_OF_EXISTING = [check for check in CHECKS if check is not negative_data_rejection]
#: These revoke the token that they are called with.
LEAVING = ("logout", "logout-all", "password")

schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))


def is_leaving(case) -> bool:
    """Whether this case is the last that its token is good for."""
    return case.path.rstrip("/").endswith(LEAVING)


def existing(path, staff, shopper) -> str:
    """The id of a new user, product or purchase: what the path is about."""
    if "/users/" in path:
        return shopper().get("/users/me/").json()["id"]
    product = staff.new_product(stock=5)
    return staff.buy(product, key=uuid.uuid4().hex).json()["id"] if "/purchases/" in path else product
