"""Generation of the OpenAPI document from the same table of operations that the views read."""

from collections.abc import Iterator, Sequence
from inspect import cleandoc
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from shop.api import fields
from shop.api.access import ACCESS, Access, Identity, Limiter
from shop.api.operations import Operation
from shop.api.parsing import Body, UpdateBody
from shop.api.schema_components import Components, Schema

JSON = "application/json"
_WRITE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_DESCRIPTIONS = {
    200: "Success.",
    201: "Created.",
    202: "Accepted: to be confirmed by the link in a mail.",
    204: "Success, without a body.",
}
_NOT_MODIFIED = "Not modified: If-None-Match names the present ETag."


class OperationSchema(AutoSchema):
    """Describe an operation by its entry in the ViewSet's table and the docstring of its action."""

    view: Any

    @property
    def operation(self) -> Operation:
        operation: Operation = self.view.operations[self.view.action or ""]
        return operation

    @property
    def access(self) -> Access:
        return ACCESS[self.get_operation_id()]

    @property
    def _components(self) -> Components:
        return Components(self.registry)

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None and self.access.is_public and not self.access.recognizes_users:
            # drf-spectacular leaves an empty list out, which says that everything may be required.
            operation["security"] = []
        return operation

    def get_operation_id(self) -> str:
        return f"{self.view.basename}_{self.view.action}"

    def get_extensions(self) -> dict[str, Any]:
        """The operation's row of the access table."""
        access = self.access
        return {
            "x-access": {
                "roles": sorted(access.roles),
                "scope": access.scope,
                "own": access.is_own,
                "private": access.is_private,
                "reauthentication": access.reauthentication,
                "limiter": access.limiter,
            }
        }

    def get_tags(self) -> list[str]:
        return [self.view.basename]

    def get_summary(self) -> str:
        return self._docstring()[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        details = " ".join(self._docstring()[1:])
        return f"{details} {_required(self.access)}".strip()

    def _docstring(self) -> list[str]:
        """Lines of the action's docstring: the first is the summary."""
        lines = cleandoc(getattr(self.view, self.view.action).__doc__).splitlines()
        return [line for line in lines if line]

    def get_auth(self) -> list[dict[str, Any]]:
        if self.access.recognizes_users:
            return [{}, *super().get_auth()]
        return [] if self.access.is_public else super().get_auth()

    def get_request_serializer(self) -> Any:
        body = self.operation.body
        return None if body is None else type(body)(partial=body.partial)

    def _get_request_body(self, direction: str = "request") -> Any:
        if self.operation.uploads:
            return {"content": _files(self.operation.uploads), "required": True}
        if self.operation.body is None:
            return None
        method = self.method
        # drf-spectacular describes no body of DELETE.
        self.method = "POST" if method == "DELETE" else method
        try:
            described = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        finally:
            self.method = method
        self._name_examples(described["content"])
        return described

    def _get_parameters(self) -> list[Schema]:
        parameters = self._components
        described = [parameters.query_parameter(parameter) for parameter in self.operation.parameters]
        return [*described, *(parameters.parameter(name) for name in self._parameter_names())]

    def _parameter_names(self) -> Iterator[str]:
        operation = self.operation
        named = {
            "id": getattr(self.view, "id_parameter", "Id"),
            "product": "Product",
            "sku": "Sku",
            "provider": "Provider",
        }
        yield from (component for name, component in named.items() if f"{{{name}}}" in self.path)
        if self.access.admits_cart_token or self.get_operation_id() == "carts_claim":
            yield "CartToken"
        if operation.uses_key:
            yield "IdempotencyKey"
        if self._has_etag and self.method != "POST":
            yield "IfNoneMatch" if self.method == "GET" else "IfMatch"

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Schema]:
        operation = self.operation
        responses = {str(operation.status): self._success(operation.status, operation.response)}
        if operation.accepted is not None:
            responses["202"] = self._success(202, operation.accepted)
        if self.method == "GET" and self._has_etag:
            headers = self._components.headers({"ETag", *self._headers()})
            responses["304"] = {"description": _NOT_MODIFIED, "headers": headers}
        return responses | self._components.problems(self._codes())

    def _success(self, status: int, body: Any) -> Schema:
        serializer = OpenApiResponse(body, description=_DESCRIPTIONS[status])
        response: Schema = self._get_response_for_code(serializer, str(status))  # type: ignore[no-untyped-call]
        if self.operation.is_page:
            response["content"] = {JSON: self._page(**response["content"][JSON])}
        self._name_examples(response.get("content", {}))
        if self.operation.downloads:
            response["content"] = _files(self.operation.downloads)
        response["headers"] = self._components.headers(self._headers(status))
        return response

    def _page(self, schema: Schema, examples: Schema) -> Schema:
        """The content of a page, by that of its entries."""
        link = {"type": ["string", "null"], "format": "uri"}
        page = {
            "type": "object",
            "description": "A page of a list.",
            "properties": {
                "next": {**link, "description": "URL of the next page; null on the last one."},
                "previous": {**link, "description": "URL of the page before; null on the first one."},
                "results": {"type": "array", "items": schema},
            },
            "required": ["next", "previous", "results"],
        }
        results = [example["value"] for example in examples.values()]
        return {
            "schema": self._components.schema(f"{_component_name(schema)}Page", page),
            "examples": {"Example": {"value": {"next": None, "previous": None, "results": results}}},
        }

    def _name_examples(self, content: Schema) -> None:
        """Replace the examples of drf-spectacular by a component, named after the schema."""
        for media_type in content.values():
            for described in media_type.get("examples", {}).values():
                name = _component_name(media_type["schema"])
                media_type["examples"] = self._components.example(name, described["value"])

    def _headers(self, status: int = 200) -> Iterator[str]:
        """Names of the headers of a success with this status."""
        operation = self.operation
        yield "X-Request-ID"
        if self._has_rate_limit:
            yield from ("RateLimit", "RateLimit-Policy")
        if operation.uses_key:
            yield "Idempotent-Replayed"
        if self._has_etag and self.method != "DELETE":
            yield "ETag"
        if status == 201:
            yield "Location"

    def _codes(self) -> Iterator[str]:
        """Codes of all problems that this operation can respond with."""
        operation = self.operation
        yield from ("bad-request", "unknown-field", "misdirected-request", "internal-error", "store-unavailable")
        yield from operation.problems
        if operation.parameters:
            yield from ("validation-error", "invalid-cursor") if operation.is_page else ("validation-error",)
        if self.access.recognizes_users or not self.access.is_public:
            yield from ("unauthenticated", "forbidden")
        if self._has_rate_limit:
            yield "rate-limited"
        if "{" in self.path:
            yield "not-found"
        if self.method in _WRITE_METHODS:
            yield from self._write_codes()

    @property
    def _has_etag(self) -> bool:
        return self.operation.has_etag or self.operation.is_page

    @property
    def _has_rate_limit(self) -> bool:
        """Whether the API limits it. Public reads are limited by nginx alone, which limits everything else too."""
        return not self.access.is_public or self.access.limiter is not Limiter.READS

    def _write_codes(self) -> Iterator[str]:
        operation = self.operation
        yield from ("outcome-unknown", "payload-too-large")
        if self.method in _BODY_METHODS or operation.body is not None:
            yield from ("malformed-body", "validation-error", "unsupported-media-type")
        if isinstance(operation.body, UpdateBody) or (operation.body and operation.body.read_only_names):
            yield "read-only-field"
        if operation.uses_key:
            yield from ("validation-error", "idempotency-key-reused")
        if operation.has_etag and self.method != "POST":
            yield "precondition-failed"

    def _is_list_view(self, serializer: Any = None) -> bool:
        # _page describes pages; DRF's paginators are not used.
        return False

    def _insert_field_validators(self, field: Any, schema: dict[str, Any]) -> None:
        # The fields of bodies describe their own validation.
        if not hasattr(field, "json_schema"):
            super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]

    def _postprocess_serializer_schema(self, schema: dict[str, Any], serializer: Any, direction: str) -> dict[str, Any]:
        if isinstance(serializer, Body) and not isinstance(serializer, fields.ResponseBody):
            schema["additionalProperties"] = False
            required = [name for name, each in serializer.fields.items() if hasattr(each, "is_documented_as_required")]
            if required:
                schema["required"] = [*schema.get("required", ()), *required]
            if not isinstance(serializer, UpdateBody):
                properties = schema["properties"].items()
                schema["properties"] = {name: each for name, each in properties if not each.get("readOnly")}
            if serializer.one_of:
                return self._alternatives(schema, serializer)
        return schema

    def _alternatives(self, schema: Schema, body: Body) -> Schema:
        """A schema for each of the fields of which a client sends exactly one."""
        name = self._get_serializer_name(body, "request")
        alternatives = []
        for chosen in body.one_of:
            others = set(body.one_of) - {chosen}
            properties = {key: each for key, each in schema["properties"].items() if key not in others}
            own = {**schema, "properties": properties, "required": [chosen, *schema.get("required", ())]}
            alternatives.append(self._components.schema(f"{name}By{chosen.title()}", own))
        return {"description": schema["description"], "oneOf": alternatives}


def _files(media_types: Sequence[str]) -> Schema:
    """The content of a body that is a file of one of these types."""
    values = {"text/csv": "sku,stock\r\nAPPLE,5\r\n", "application/x-ndjson": '{"sku":"APPLE","stock":5}\n'}
    return {
        name: {"schema": {"type": "string"}, "examples": {"Example": {"value": values[name]}}} for name in media_types
    }


def _component_name(reference: Schema) -> str:
    """The name of the component that is referred to."""
    return str(reference["$ref"]).rpartition("/")[2]


def _required(access: Access) -> str:
    """A sentence on what the operation requires of its callers."""
    if access.recognizes_users:
        return "No authentication needed; with it, for a user."
    if access.is_public:
        return "No authentication needed."
    if access.admits_cart_token:
        return "Requires authentication, or the token of the cart as X-Cart-Token" + _with_key(access)
    return f"Requires authentication{_with_key(access)}"


def _with_key(access: Access) -> str:
    key = f", or an API key with the scope {access.scope}" if access.scope else ""
    who = "" if Identity.CUSTOMER in access.roles else " as staff"
    return f"{who}{key}."
