"""Generation of the OpenAPI document from the same table of operations that the views read."""

from collections.abc import Iterator, Sequence
from inspect import cleandoc
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from shop.api import fields
from shop.api.access import ACCESS, Access, Identity, Limiter
from shop.api.operations import Operation
from shop.api.parsing import Body, UpdateBody
from shop.api.problem import Problem
from shop.api.problems import MEDIA_TYPE, PROBLEMS, problem_document

_WRITE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_ALL_STATUSES = (0,)
_EXAMPLE_ID = "0af7651916cd43dd8448eb211c80319c"
_TEXT = {"type": "string"}
_DESCRIPTIONS = {
    200: "Success.",
    201: "Created.",
    202: "Accepted: to be confirmed by the link in a mail.",
    204: "Success, without a body.",
}
_PRECONDITIONS = {
    "If-None-Match": "ETags that the client has; 304 where one of them is the present one.",
    "If-Match": "ETag that the change requires; 412 where the resource has another version.",
}
_POLICY = "The rate limits that the request counts against: q requests, and as many again in w seconds."
_RATE = "How many requests each of them still admits at once (r), and the seconds until it is whole again (t)."
_FIELD_ERROR = {
    "type": "object",
    "properties": {"pointer": _TEXT, "code": _TEXT, "detail": _TEXT},
    "required": ["pointer", "code", "detail"],
}


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
        return [] if self.access.is_public else super().get_auth()

    def get_request_serializer(self) -> Any:
        body = self.operation.body
        return None if body is None else type(body)(partial=body.partial)

    def _get_request_body(self, direction: str = "request") -> Any:
        if self.method != "DELETE" or self.operation.body is None:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        # drf-spectacular describes no body of DELETE.
        self.method = "POST"
        try:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        finally:
            self.method = "DELETE"

    def get_override_parameters(self) -> list[Any]:
        return [*self._query(), *self._path(), *self._headers()]

    def get_response_serializers(self) -> Any:
        operation = self.operation
        responses: dict[Any, Any] = {
            operation.status: OpenApiResponse(self._success(), description=_DESCRIPTIONS[operation.status])
        }
        if operation.accepted is not None:
            responses[202] = OpenApiResponse(operation.accepted, description=_DESCRIPTIONS[202])
        if self.method == "GET" and operation.has_etag:
            responses[304] = OpenApiResponse(None, description="Not modified: If-None-Match names the present ETag.")
        by_status: dict[int, list[Problem]] = {}
        for code in self._codes():
            by_status.setdefault(PROBLEMS[code].status, []).append(PROBLEMS[code])
        return responses | {(status, MEDIA_TYPE): self._problems(by_status[status]) for status in sorted(by_status)}

    def _success(self) -> Any:
        body = self.operation.response
        if body is None or not self.operation.is_page:
            return body
        link = {"type": ["string", "null"], "format": "uri"}
        entries = {"type": "array", "items": self.resolve_serializer(body, "response").ref}
        return {
            "type": "object",
            "properties": {"next": link, "previous": link, "results": entries},
            "required": ["next", "previous", "results"],
        }

    def _codes(self) -> Iterator[str]:
        """Codes of all problems that this operation can respond with."""
        operation = self.operation
        yield from ("bad-request", "misdirected-request", "internal-error", "store-unavailable")
        yield from operation.problems
        if operation.is_page:
            yield from ("validation-error", "unknown-field")
        if operation.parameters:
            yield "invalid-cursor"
        if not self.access.is_public:
            yield from ("unauthenticated", "forbidden")
        if self._has_rate_limit:
            yield "rate-limited"
        if "{" in self.path:
            yield "not-found"
        if self.method in _WRITE_METHODS:
            yield from self._write_codes()

    @property
    def _has_rate_limit(self) -> bool:
        """Whether the API limits it. Public reads are limited by nginx alone, which limits everything else too."""
        return not self.access.is_public or self.access.limiter is not Limiter.READS

    def _write_codes(self) -> Iterator[str]:
        operation = self.operation
        yield from ("outcome-unknown", "payload-too-large")
        if self.method in _BODY_METHODS or operation.body is not None:
            yield from ("malformed-body", "validation-error", "unknown-field", "unsupported-media-type")
        if isinstance(operation.body, UpdateBody) or (operation.body and operation.body.read_only_names):
            yield "read-only-field"
        if operation.uses_key:
            yield "idempotency-key-reused"
        if operation.has_etag and self.method != "POST":
            yield "precondition-failed"

    def _problems(self, problems: Sequence[Problem]) -> OpenApiResponse:
        schemas = [self._problem(problem) for problem in problems]
        return OpenApiResponse(
            schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
            description=" Or: ".join(f"{problem.title}." for problem in problems),
            examples=[OpenApiExample(problem.code, value=_example(problem)) for problem in problems],
        )

    def _problem(self, problem: Problem) -> dict[str, Any]:
        """Reference to the component of this problem: the members of RFC 9457, its code, and its extension members."""
        members = {"code": {"const": problem.code}, "status": {"const": problem.status}, **problem.members}
        own = {"type": "object", "properties": members, "required": ["code", *problem.members]}
        schema = {"allOf": [self._component("Problem", _problem_schema()), own]}
        return self._component("".join(word.title() for word in problem.code.split("-")), schema)

    def _component(self, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        make: Any = ResolvedComponent
        component = make(name=name, type=ResolvedComponent.SCHEMA, schema=schema, object=name)
        self.registry.register_on_missing(component)
        reference: dict[str, Any] = component.ref
        return reference

    def _query(self) -> Iterator[OpenApiParameter]:
        for parameter in self.operation.parameters:
            yield OpenApiParameter(parameter.name, dict(parameter.schema), description=parameter.description)

    def _path(self) -> Iterator[OpenApiParameter]:
        if "{id}" in self.path:
            yield OpenApiParameter("id", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH)
        if "{sku}" in self.path:
            yield OpenApiParameter(
                "sku", {"type": "string", "pattern": f"^{fields.SKU_PATTERN}$"}, OpenApiParameter.PATH
            )

    def _headers(self) -> Iterator[OpenApiParameter]:
        operation = self.operation
        if operation.uses_key:
            key = {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"}
            yield _header(
                "Idempotency-Key",
                key,
                "Unique key of this write: repeated within 24 hours, it takes effect once. A refusal is remembered for "
                "10 minutes.",
            )
            yield _header(
                "Idempotent-Replayed",
                _TEXT,
                "true where an earlier request took effect, and this is its outcome.",
                *_ALL_STATUSES,
            )
        if operation.has_etag and self.method != "POST":
            name = "If-None-Match" if self.method == "GET" else "If-Match"
            yield _header(name, _TEXT, _PRECONDITIONS[name])
        if operation.has_etag and self.method != "DELETE":
            yield _header("ETag", _TEXT, "Version of the body, for If-Match and If-None-Match.", operation.status, 304)
        if operation.status == 201:
            yield _header("Location", {"type": "string", "format": "uri-reference"}, "URL of the new resource.", 201)
        if not self.access.is_public or "invalid-credentials" in operation.problems:
            yield _header("WWW-Authenticate", {"const": "Bearer"}, "The authentication scheme.", 401)
        waits = (429, 503) if self._has_rate_limit else (503,)
        yield _header(
            "Retry-After", {"type": "string", "pattern": "^[0-9]+$"}, "Seconds to wait before retrying.", *waits
        )
        if self._has_rate_limit:
            yield _header("RateLimit-Policy", _TEXT, _POLICY, *_ALL_STATUSES)
            yield _header("RateLimit", _TEXT, _RATE, *_ALL_STATUSES)
        yield _header("X-Request-ID", _TEXT, "Id of this request in logs and problems.", *_ALL_STATUSES)

    def _is_list_view(self, serializer: Any = None) -> bool:
        # _success describes pages; DRF's paginators are not used.
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
        return schema


def _required(access: Access) -> str:
    """A sentence on what the operation requires of its callers."""
    if access.is_public:
        return "No authentication needed."
    key = f", or an API key with the scope {access.scope}" if access.scope else ""
    who = "" if Identity.CUSTOMER in access.roles else " as staff"
    return f"Requires authentication{who}{key}."


def _header(name: str, schema: dict[str, Any], description: str, *statuses: int) -> OpenApiParameter:
    """A header of the request, or of the responses with these statuses."""
    response = True if statuses == _ALL_STATUSES else list(statuses)
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=description, response=response)


def _problem_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "Problem details (RFC 9457).",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "instance": {"type": "string", "format": "uri-reference"},
            "code": _TEXT,
            "errors": {"type": "array", "items": _FIELD_ERROR},
        },
        "required": ["type", "title", "status", "detail", "instance", "code"],
    }


def _example(problem: Problem) -> dict[str, Any]:
    return problem_document(problem, _EXAMPLE_ID, **problem.example)
