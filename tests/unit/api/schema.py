"""Validation of responses and bodies against the OpenAPI document."""

from functools import cache

import jsonschema_rs
import orjson
from django.http import HttpResponse, StreamingHttpResponse

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


def resolved(described: dict) -> dict:
    """What a reference stands for; anything else as it is."""
    if "$ref" not in described:
        return described
    _, _, kind, name = described["$ref"].split("/")
    return document()["components"][kind][name]


def responses(operation_id: str) -> dict[str, dict]:
    """The responses of an operation, by status."""
    return {status: resolved(response) for status, response in operations()[operation_id]["responses"].items()}


def examples(described: dict) -> list[tuple[dict, object]]:
    """Every example of a body or a response, with the schema that it must have."""
    return [
        (content["schema"], resolved(example)["value"])
        for content in described.get("content", {}).values()
        for example in content.get("examples", {}).values()
    ]


def schema_errors(schema: dict, value: object) -> list[str]:
    """Errors of the value against the schema."""
    return [error.message for error in _validator(orjson.dumps(schema)).iter_errors(value)]


@cache
def _validator(schema: bytes) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({**orjson.loads(schema), "components": document()["components"]})


def undocumented(operation_id: str, response: HttpResponse, body: object) -> list[str]:
    """What the document does not describe of this response, and of the body of a successful request."""
    operation = operations()[operation_id]
    documented = responses(operation_id).get(str(response.status_code))
    if documented is None:
        return [f"status {response.status_code}"]
    differences = _body_differences(documented, response)
    if response.status_code < 300 and body is not None and "requestBody" in operation:
        differences += schema_errors(operation["requestBody"]["content"]["application/json"]["schema"], body)
    return differences + [
        f"header {name}" for name in _own_headers(response) if name not in documented.get("headers", {})
    ]


def _body_differences(documented: dict, response: HttpResponse) -> list[str]:
    content = documented.get("content")
    if content is None:
        return ["a body"] if body_of(response) else []
    media_type = response.headers["Content-Type"]
    if media_type not in content:
        return [f"media type {media_type}"]
    return schema_errors(content[media_type]["schema"], orjson.loads(body_of(response)))


def body_of(response: HttpResponse | StreamingHttpResponse) -> bytes:
    """The body, whole. That of a streaming response can be read again afterwards."""
    if not isinstance(response, StreamingHttpResponse):
        return response.content
    body = b"".join(response.streaming_content)
    response.streaming_content = [body]
    return body


def _own_headers(response: HttpResponse) -> set[str]:
    headers = {"ETag", "Location", "Idempotent-Replayed", "X-Request-ID", "Retry-After", "WWW-Authenticate"}
    return headers & set(response.headers)
