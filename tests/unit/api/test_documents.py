"""The OpenAPI document, and the pages that show it."""

import re

import pytest
from django.test import Client
from openapi_spec_validator import validate

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
        if "requestBody" in described
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
    }


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
