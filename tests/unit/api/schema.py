"""The OpenAPI document as a judge: what the API says and takes must be what the document says."""

from functools import cache

import orjson
from django.http import HttpResponse
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from shop.api import documents


@cache
def document() -> dict:
    return orjson.loads(documents.schema_json())


@cache
def operations() -> dict[str, dict]:
    """Every operation by its id."""
    return {
        operation["operationId"]: operation
        for methods in document()["paths"].values()
        for operation in methods.values()
    }


def faults(schema: dict, value: object) -> list[str]:
    """What the schema has against the value."""
    whole = {**schema, "components": document()["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


def undocumented(operation_id: str, response: HttpResponse, body: object) -> list[str]:
    """What of this answer, and of the body that was taken for it, the document does not say."""
    operation = operations()[operation_id]
    documented = operation["responses"].get(str(response.status_code))
    if documented is None:
        return [f"status {response.status_code}"]
    found = _of_the_answer(documented, response)
    if response.status_code < 300 and body is not None and "requestBody" in operation:
        found += faults(operation["requestBody"]["content"]["application/json"]["schema"], body)
    return found + [f"header {name}" for name in _own_headers(response) if name not in documented.get("headers", {})]


def _of_the_answer(documented: dict, response: HttpResponse) -> list[str]:
    content = documented.get("content")
    if content is None:
        return ["a body"] if response.content else []
    media_type = response.headers["Content-Type"]
    if media_type not in content:
        return [f"media type {media_type}"]
    return faults(content[media_type]["schema"], orjson.loads(response.content))


def _own_headers(response: HttpResponse) -> set[str]:
    told = {"ETag", "Location", "Idempotent-Replayed", "X-Request-ID", "Retry-After", "WWW-Authenticate"}
    return told & set(response.headers)
