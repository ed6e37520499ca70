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
#: Of what guests have: who shows neither a cart token nor credentials that are right learns not whether it is there.
CHECKS_OF_WALKS_OF_GUESTS = [check for check in CHECKS_OF_WALKS if check is not ignored_auth]
POSTAL_FIELDS = {field.name for field in fields(PostalAddress)}
ADDRESS = {name: value for name, value in examples.ADDRESS.items() if name in POSTAL_FIELDS}
#: Where the paths of purchases, payments and returns begin.
OF_PURCHASES = ("/api/v1/purchases/", "/api/v1/payments/", "/api/v1/returns/")
#: These revoke the token that they are called with.
LEAVING = ("logout", "logout-all", "password")


@schemathesis.serializer("application/x-ndjson", "text/csv")
def serialize_file(_context, value) -> bytes:
    """The bytes of a file, of which the document says only that it is text."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))


def is_open_to_guests(case) -> bool:
    """Whether a cart token admits to the operation of this case."""
    return case.path.startswith(("/api/v1/carts/", *OF_PURCHASES))


def is_leaving(case) -> bool:
    """Whether this case is the last that its token is good for."""
    return case.path.rstrip("/").endswith(LEAVING)


def existing(path, staff, shopper, store) -> str:
    """The id of what the path is about; of a product where nothing else is."""
    if "/api-keys/" in path:
        return an_api_key(store)
    if "/vouchers/" in path:
        return samples.issued(store, code=f"C{uuid.uuid4().hex[:24]}").code
    if "/shipping-methods/" in path:
        return a_shipping_method(store)
    if "/webhook-endpoints/" in path:
        return a_webhook_endpoint(staff)
    if "/addresses/" in path:
        return created(shopper(), "/users/me/addresses/", ADDRESS)
    if "/users/" in path:
        return shopper().get("/users/me/").json()["id"]
    if "/carts/" in path:
        return created(staff, "/carts/", {"currency": "EUR"})
    product = staff.new_product(stock=5)
    return of_a_purchase(path, staff, product) if path.startswith(OF_PURCHASES) else product


def of_a_purchase(path, staff, product) -> str:
    """The id of a new purchase of this product, or of its payment or return, whichever the path is about."""
    purchase = staff.buy(product, key=uuid.uuid4().hex).json()["id"]
    if path.startswith(OF_PURCHASES[0]):
        return purchase
    payment = created(staff, f"/purchases/{purchase}/payments/", {"provider": "fake", "method": "tok_ok"})
    if path.startswith(OF_PURCHASES[1]):
        return payment
    staff.post(f"/purchases/{purchase}/ship/")
    asked = {"lines": [{"product": product, "quantity": 1}], "reason": "Too small"}
    return created(staff, f"/purchases/{purchase}/returns/", asked)


def created(caller, path, body) -> str:
    """The id of what this call creates."""
    answer = caller.post(path, body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def a_webhook_endpoint(staff) -> str:
    """The id of an endpoint; there are few, because a shop has at most 50. It gets no event but those of its tests."""
    found = staff.get("/webhook-endpoints/").json()["results"]
    body = {"url": "http://127.0.0.1:9/", "types": ["webhook_endpoint.deleted"]}
    return found[0]["id"] if found else created(staff, "/webhook-endpoints/", body)


def a_shipping_method(store) -> str:
    """The code of a shipping method; there are few, because a shop has at most 100."""
    found = store.shipping_methods.page(1, None).results
    return found[0].code if found else samples.offered(store, code=f"m{uuid.uuid4().hex[:24]}").code


def an_api_key(store) -> str:
    """The id of an API key; there are few, because a shop has at most 100."""
    found = store.api_keys.page(1, None).results
    return found[0].id if found else samples.an_api_key(store).key.id
