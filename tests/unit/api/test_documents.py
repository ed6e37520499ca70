"""The OpenAPI document, and the pages that show it."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from openapi_spec_validator import validate

from shop.api import documents
from shop.api.exports import ExportViewSet
from shop.api.problems import PROBLEMS
from shop.api.urls import router
from tests.unit.api import schema


def test_the_document_is_openapi():
    assert schema.document()["openapi"].startswith("3.1")
    validate(schema.document())


def test_every_operation_of_every_viewset_is_documented():
    viewsets = [*((viewset, name) for _, viewset, name in router.registry), (ExportViewSet, "users")]
    tables = {f"{name}_{action}" for viewset, name in viewsets for action in viewset.operations}  # type: ignore[attr-defined]
    assert set(schema.operations()) == tables


@pytest.mark.parametrize("operation", sorted(schema.operations()))
def test_examples_are_valid_against_their_schemas(operation: str):
    bodies = [schema.operations()[operation].get("requestBody", {}), *schema.responses(operation).values()]
    described = [body for body in bodies if "content" in body]
    examples = [example for body in described for example in schema.examples(body)]
    assert [body for body in described if not schema.examples(body)] == []
    assert [schema.schema_errors(*example) for example in examples if schema.schema_errors(*example)] == []


def test_every_problem_but_method_not_allowed_is_documented_by_an_operation():
    names = {"".join(word.title() for word in f"{code}-problem".split("-")) for code in PROBLEMS}
    names -= {"MethodNotAllowedProblem"}
    assert names <= set(schema.document()["components"]["schemas"])


def test_documented_bodies_allow_no_additional_properties():
    components = schema.document()["components"]["schemas"]
    bodies = {
        described["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for described in schema.operations().values()
        if "application/json" in described.get("requestBody", {}).get("content", {})
    }
    assert bodies
    assert [name for name in bodies if components[name]["additionalProperties"] is not False] == []


def test_public_operations_alone_need_no_token():
    public = {name for name, described in schema.operations().items() if described["security"] == []}
    assert public == {
        "auth_token",
        "auth_password_reset",
        "auth_password_reset_confirm",
        "users_create",
        "users_confirm",
        "products_list",
        "products_retrieve",
        "products_by_sku",
        "products_categories",
        "products_companies",
        "payments_webhooks",
        "shipping_methods_list",
        "shipping_methods_retrieve",
    }


def nested(described: object) -> Iterator[dict]:
    """Every object of the document."""
    if isinstance(described, dict):
        yield described
    values = described.values() if isinstance(described, dict) else described if isinstance(described, list) else ()
    for value in values:
        yield from nested(value)


def test_a_value_that_is_the_only_one_is_a_typed_enumeration():
    # Generators lose what has a const in an allOf, and with it the types of all errors.
    assert [each for each in nested(schema.document()["components"]["schemas"]) if "const" in each] == []
    code = schema.document()["components"]["schemas"]["NotFoundProblem"]["allOf"][1]["properties"]["code"]
    assert code == {"type": "string", "enum": ["not-found"]}


def test_every_enumeration_has_a_type():
    assert [
        each for each in nested(schema.document()) if isinstance(each.get("enum"), list) and "type" not in each
    ] == []


def test_schemas_have_specific_names():
    names = set(schema.document()["components"]["schemas"])
    assert {"ProductPage", "PurchasePage", "PurchaseStatus", "UserRole", "PurchaseLine", "Shortage"} <= names
    assert names & {"ValidationError", "Status", "Role", "Item", "HTTPValidationError"} == set()
    assert {name for name in names if name.endswith("Response")} == set()


@pytest.mark.parametrize("operation", sorted(schema.operations()))
def test_headers_and_refusals_are_described_once(operation: str):
    responses = schema.operations()[operation]["responses"]
    assert {status for status, response in responses.items() if status >= "400" and set(response) != {"$ref"}} == set()
    headers = [header for response in responses.values() for header in response.get("headers", {}).values()]
    assert [header for header in headers if set(header) != {"$ref"}] == []


def test_every_component_is_used():
    text = documents.schema_json().decode()
    components = schema.document()["components"]
    named = [f"#/components/{kind}/{name}" for kind in components for name in components[kind]]
    assert [name for name in named if "securitySchemes" not in name and f'"{name}"' not in text] == []


def test_the_document_is_half_as_large_as_with_everything_inline():
    # Inline, an operation takes twice as much.
    assert len(documents.schema_json()) < 3_700 * len(schema.operations())


def test_tags_are_declared_in_the_order_of_a_reader():
    declared = [tag["name"] for tag in schema.document()["tags"]]
    files = ["imports", "exports"]
    goods = ["products", "carts", "purchases", "payments", "returns", "vouchers", "shipping_methods", "addresses"]
    assert declared == [
        "auth",
        *goods,
        "users",
        "api_keys",
        "webhook_endpoints",
        "deliveries",
        *files,
        "events",
        "audit",
    ]
    assert {tag for each in schema.operations().values() for tag in each["tags"]} == set(declared)
    assert all(tag["description"] for tag in schema.document()["tags"])


def test_the_document_introduces_itself():
    info = schema.document()["info"]
    assert {"## A first purchase", "## Conventions", "## Limits"} <= set(info["description"].splitlines())
    assert (set(info), schema.document()["servers"][0]["url"]) == (
        {"title", "version", "description", "contact", "license"},
        "/",
    )


def test_the_document_is_served():
    response = Client().get("/api/schema/")
    assert (response.headers["Content-Type"], response.json()) == ("application/json", schema.document())


@pytest.mark.parametrize("path", ["/api/docs/", "/api/redoc/"])
def test_documentation_pages_load_nothing_from_other_servers(path: str):
    page = Client().get(path, headers={"Accept": "text/html"}).content.decode()
    assert "/static/drf_spectacular_sidecar/" in page
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', page) == []


def test_the_swagger_page_loads_its_script_from_a_url():
    script = Client().get("/api/docs/?script=")
    assert (script.headers["Content-Type"], b"/api/schema/" in script.content) == ("application/javascript", True)


def test_a_summary_is_a_verb_and_an_object_without_a_full_stop():
    summaries = {name: operation["summary"] for name, operation in schema.operations().items()}
    assert [text for text in summaries.values() if not re.fullmatch(r"[A-Z][a-z]+ [^.\n]{1,40}", text)] == []
    assert summaries["products_create"] == "Create a product"
    assert summaries["products_update"] == "Replace a product"
    assert summaries["users_me"] == "Get the current user"
    assert summaries["purchases_list"] == "List purchases"
    assert summaries["purchases_pay"] == "Mark a purchase as paid"


def test_a_description_says_in_one_to_three_sentences_what_happens_and_who_may():
    sentences = {
        name: re.findall(r"[^.]+\.(?= |$)", operation["description"]) for name, operation in schema.operations().items()
    }
    assert {name: each for name, each in sentences.items() if not 1 <= len(each) <= 3} == {}
    assert {name for name, each in sentences.items() if "authentication" not in each[-1]} == set()
