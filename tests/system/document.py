"""The OpenAPI document, and calls that are made as it says."""

import uuid
from dataclasses import fields

import schemathesis
from drf_spectacular.generators import SchemaGenerator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ensure_resource_availability,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    use_after_free,
)

from shop.api import examples
from shop.domain.addresses import PostalAddress
from tests import samples

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
#: With every caller; and along calls that follow each other.
CHECKS_OF_CALLERS = [*CHECKS, ignored_auth]
CHECKS_OF_WALKS = [not_a_server_error, use_after_free, ensure_resource_availability, ignored_auth]
POSTAL_FIELDS = {field.name for field in fields(PostalAddress)}
ADDRESS = {name: value for name, value in examples.ADDRESS.items() if name in POSTAL_FIELDS}
#: These revoke the token that they are called with.
LEAVING = ("logout", "logout-all", "password")

schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))


def is_leaving(case) -> bool:
    """Whether this case is the last that its token is good for."""
    return case.path.rstrip("/").endswith(LEAVING)


def existing(path, staff, shopper, store) -> str:
    """The id of a user, an API key, a product or a purchase: what the path is about."""
    if "/api-keys/" in path:
        return an_api_key(store)
    if "/vouchers/" in path:
        return samples.issued(store, code=f"C{uuid.uuid4().hex[:24]}").code
    if "/shipping-methods/" in path:
        return a_shipping_method(store)
    if "/addresses/" in path:
        return shopper().post("/users/me/addresses/", ADDRESS).json()["id"]
    if "/users/" in path:
        return shopper().get("/users/me/").json()["id"]
    product = staff.new_product(stock=5)
    return staff.buy(product, key=uuid.uuid4().hex).json()["id"] if "/purchases/" in path else product


def a_shipping_method(store) -> str:
    """The code of a shipping method; there are few, because a shop has at most 100."""
    found = store.shipping_methods.page(1, None).results
    return found[0].code if found else samples.offered(store, code=f"m{uuid.uuid4().hex[:24]}").code


def an_api_key(store) -> str:
    """The id of an API key; there are few, because a shop has at most 100."""
    found = store.api_keys.page(1, None).results
    return found[0].id if found else samples.an_api_key(store).key.id
