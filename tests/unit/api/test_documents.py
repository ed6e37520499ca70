"""The OpenAPI document, and the pages made of it."""

import re

import pytest
from django.test import Client
from openapi_spec_validator import validate

from shop.api.problems import PROBLEMS
from shop.api.urls import router
from tests.unit.api import schema


def test_the_document_is_openapi():
    assert schema.document()["openapi"].startswith("3.1")
    validate(schema.document())


def test_every_operation_of_every_viewset_is_in_it():
    tables = {f"{name}_{action}" for _, viewset, name in router.registry for action in viewset.operations}  # type: ignore[attr-defined]
    assert set(schema.operations()) == tables


@pytest.mark.parametrize("operation", sorted(schema.operations()))
def test_the_examples_are_what_the_schemas_say(operation: str):
    described = schema.operations()[operation]
    bodies = [described.get("requestBody", {}), *described["responses"].values()]
    contents = [content for body in bodies for content in body.get("content", {}).values()]
    examples = [
        (content["schema"], each["value"]) for content in contents for each in content.get("examples", {}).values()
    ]
    assert examples
    assert [schema.faults(*example) for example in examples if schema.faults(*example)] == []


def test_every_problem_but_the_methods_own_is_of_some_operation():
    names = {"".join(word.title() for word in code.split("-")) for code in PROBLEMS} - {"MethodNotAllowed"}
    assert names <= set(schema.document()["components"]["schemas"])


def test_bodies_take_nothing_that_is_not_named():
    components = schema.document()["components"]["schemas"]
    bodies = {
        described["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for described in schema.operations().values()
        if "requestBody" in described
    }
    assert bodies
    assert [name for name in bodies if components[name]["additionalProperties"] is not False] == []


def test_only_what_anyone_may_do_needs_no_token():
    public = {name for name, described in schema.operations().items() if "security" not in described}
    assert public == {
        "auth_token",
        "users_create",
        "products_list",
        "products_retrieve",
        "products_by_sku",
        "products_categories",
        "products_companies",
    }


def test_the_document_is_served():
    answer = Client().get("/api/schema/")
    assert (answer.headers["Content-Type"], answer.json()) == ("application/json", schema.document())


@pytest.mark.parametrize("path", ["/api/docs/", "/api/redoc/"])
def test_the_pages_come_from_this_server_alone(path: str):
    page = Client().get(path, headers={"Accept": "text/html"}).content.decode()
    assert "/static/drf_spectacular_sidecar/" in page
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', page) == []


def test_the_script_of_the_swagger_page_is_a_file_of_its_own():
    script = Client().get("/api/docs/?script=")
    assert (script.headers["Content-Type"], b"/api/schema/" in script.content) == ("application/javascript", True)
