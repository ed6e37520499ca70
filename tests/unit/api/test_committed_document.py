"""The OpenAPI document in the repository, and which of its changes break clients."""

import copy
import json

import pytest

from clients import document
from clients.changes import breaking_changes
from tests.unit.api import schema


@pytest.fixture
def changed() -> dict:
    """The present document, to be changed by a test."""
    return copy.deepcopy(schema.document())


def breaks(changed: dict) -> list[str]:
    return breaking_changes(schema.document(), changed)


def test_no_change_breaks_clients_unless_the_committed_document_has_it():
    assert breaking_changes(document.committed(), schema.document()) == []


def test_the_committed_document_is_the_one_that_is_served():
    is_same = document.PATH.read_text("utf-8") == document.text(schema.document())
    assert is_same, "clients/openapi.json is out of date: python -m clients.document writes it"


def test_a_removed_path_is_named(changed: dict):
    del changed["paths"]["/api/v1/users/me/"]
    assert breaks(changed) == ["GET /api/v1/users/me/: operation removed"]


def test_a_removed_operation_is_named(changed: dict):
    del changed["paths"]["/api/v1/products/{id}/"]["patch"]
    assert breaks(changed) == ["PATCH /api/v1/products/{id}/: operation removed"]


def test_another_operation_id_is_named(changed: dict):
    changed["paths"]["/api/v1/users/me/"]["get"]["operationId"] = "whoami"
    assert breaks(changed) == ["GET /api/v1/users/me/: operationId users_me becomes whoami"]


def test_an_operation_that_was_public_is_named(changed: dict):
    changed["paths"]["/api/v1/products/"]["get"]["security"] = [{"token": []}]
    assert breaks(changed) == ["GET /api/v1/products/: requires authentication now"]


def test_a_removed_field_of_a_response_is_named(changed: dict):
    product = changed["components"]["schemas"]["Product"]
    del product["properties"]["stock"]
    product["required"].remove("stock")
    assert breaks(changed) == ["Product: field stock may be missing now", "Product: field stock removed"]


def test_a_field_of_a_response_that_may_be_missing_is_named(changed: dict):
    changed["components"]["schemas"]["Shortage"]["required"].remove("available")
    assert breaks(changed) == ["Shortage: field available may be missing now"]


def test_a_removed_field_of_a_request_is_named(changed: dict):
    del changed["components"]["schemas"]["NewProduct"]["properties"]["company"]
    assert breaks(changed) == ["NewProduct: field company removed"]


def test_a_new_required_field_of_a_request_is_named(changed: dict):
    changed["components"]["schemas"]["NewPurchaseLineBySku"]["required"].append("warehouse")
    assert breaks(changed) == ["NewPurchaseLineBySku: field warehouse is required now"]


def test_a_field_that_is_required_in_a_response_alone_breaks_no_client(changed: dict):
    changed["components"]["schemas"]["Facet"]["required"].append("description")
    assert breaks(changed) == []


def test_a_removed_value_is_named(changed: dict):
    changed["components"]["schemas"]["PurchaseStatus"]["enum"].remove("refunded")
    assert breaks(changed) == ["PurchaseStatus: value refunded removed"]


def test_another_type_is_named(changed: dict):
    changed["components"]["schemas"]["Facet"]["properties"]["count"]["type"] = "string"
    assert breaks(changed) == ["Facet.count: type integer becomes string"]


def test_a_removed_and_a_newly_required_parameter_are_named(changed: dict):
    parameters = changed["paths"]["/api/v1/products/"]["get"]["parameters"]
    parameters[:] = [each for each in parameters if each.get("name") != "search"]
    changed["components"]["parameters"]["Cursor"]["required"] = True
    found = [change for change in breaks(changed) if "/products/:" in change]
    assert found == [
        "GET /api/v1/products/: parameter query cursor is required now",
        "GET /api/v1/products/: parameter query search removed",
    ]


def test_a_removed_response_header_and_alternative_are_named(changed: dict):
    del changed["paths"]["/api/v1/users/me/"]["get"]["responses"]["304"]
    del changed["paths"]["/api/v1/users/me/"]["get"]["responses"]["200"]["headers"]["ETag"]
    del changed["components"]["schemas"]["NewPurchaseLine"]["oneOf"][0]
    assert breaks(changed) == [
        "GET /api/v1/users/me/ 200: header ETag removed",
        "GET /api/v1/users/me/: response 304 removed",
        "NewPurchaseLine: alternative NewPurchaseLineByProduct removed",
    ]


def test_a_removed_schema_is_named(changed: dict):
    schemas = changed["components"]["schemas"]
    text = json.dumps(changed).replace('schemas/Facet"', 'schemas/NameAndCount"')
    renamed = json.loads(text)
    renamed["components"]["schemas"]["NameAndCount"] = schemas["Facet"]
    del renamed["components"]["schemas"]["Facet"]
    assert breaks(renamed) == ["document: schema Facet removed"]


def test_what_is_new_and_optional_breaks_no_client(changed: dict):
    changed["components"]["schemas"]["NewProduct"]["properties"]["colour"] = {"type": "string"}
    changed["components"]["schemas"]["Product"]["properties"]["colour"] = {"type": "string"}
    changed["components"]["schemas"]["PurchaseStatus"]["enum"].append("returned")
    changed["paths"]["/api/v1/colours/"] = changed["paths"]["/api/v1/products/categories/"]
    assert breaks(changed) == []
