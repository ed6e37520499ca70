"""The OpenAPI document, by the same tables that the views go by."""

from collections.abc import Iterator, Sequence
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from shop.api import fields
from shop.api.operations import Access, Operation
from shop.api.parsing import Body, Edit
from shop.api.problems import MEDIA_TYPE, PROBLEMS, Problem, document

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
ALL = (0,)
_EXAMPLE_ID = "0af7651916cd43dd8448eb211c80319c"
_WHO = {
    Access.ANYONE: "anyone",
    Access.SIGNED_IN: "whoever is signed in",
    Access.SELF_OR_STAFF: "the user and for staff",
    Access.STAFF: "staff",
}
_TEXT = {"type": "string"}
_FAULT = {
    "type": "object",
    "properties": {"pointer": _TEXT, "code": _TEXT, "detail": _TEXT},
    "required": ["pointer", "code", "detail"],
}


class OperationSchema(AutoSchema):
    """An operation of the document, from the ViewSet's table."""

    view: Any

    @property
    def operation(self) -> Operation:
        found: Operation = self.view.operations[self.view.action or ""]
        return found

    def get_operation_id(self) -> str:
        return f"{self.view.basename}_{self.view.action}"

    def get_tags(self) -> list[str]:
        return [self.view.basename]

    def get_summary(self) -> str:
        return super().get_description().rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        return f"For {_WHO[self.operation.access]}."

    def get_auth(self) -> list[dict[str, Any]]:
        return [] if self.operation.access is Access.ANYONE else super().get_auth()

    def get_request_serializer(self) -> Any:
        body = self.operation.body
        return None if body is None else type(body)(partial=body.partial)

    def get_override_parameters(self) -> list[Any]:
        return [*self._query(), *self._path(), *self._headers()]

    def get_response_serializers(self) -> Any:
        operation = self.operation
        success = OpenApiResponse(self._answer(), description="Done." if self.method in _WRITES else "Found.")
        found: dict[Any, Any] = {operation.status: success}
        if self.method == "GET" and operation.tagged:
            found[304] = OpenApiResponse(None, description="You have just this.")
        by_status: dict[int, list[Problem]] = {}
        for code in self._codes():
            by_status.setdefault(PROBLEMS[code].status, []).append(PROBLEMS[code])
        return found | {(status, MEDIA_TYPE): self._problems(by_status[status]) for status in sorted(by_status)}

    def _answer(self) -> Any:
        answer = self.operation.answer
        if answer is None or not self.operation.page:
            return answer
        link = {"type": ["string", "null"], "format": "uri"}
        entries = {"type": "array", "items": self.resolve_serializer(answer, "response").ref}
        return {
            "type": "object",
            "properties": {"next": link, "previous": link, "results": entries},
            "required": ["next", "previous", "results"],
        }

    def _codes(self) -> Iterator[str]:
        """The codes of every problem that this operation can be answered with."""
        operation = self.operation
        yield from ("bad-request", "internal-error", "store-unavailable")
        yield from operation.problems
        if operation.parameters:
            yield from ("validation-error", "unknown-field", "invalid-cursor")
        if operation.access is not Access.ANYONE:
            yield "unauthenticated"
        if operation.access in (Access.STAFF, Access.SELF_OR_STAFF) or self._by_cookie():
            yield "forbidden"
        if "{" in self.path:
            yield "not-found"
        if self.method in _WRITES:
            yield from self._codes_of_writes()

    def _by_cookie(self) -> bool:
        """Whether a page's CSRF token counts."""
        return self.operation.access is not Access.ANYONE and self.method in _WRITES

    def _codes_of_writes(self) -> Iterator[str]:
        operation = self.operation
        yield from ("outcome-unknown", "payload-too-large")
        if self.method in _WITH_BODY:
            yield from ("malformed-body", "validation-error", "unknown-field", "unsupported-media-type")
        if isinstance(operation.body, Edit) or (operation.body and operation.body.unwritable):
            yield "read-only-field"
        if operation.keyed:
            yield "idempotency-key-reused"
        if operation.tagged and self.method != "POST":
            yield "precondition-failed"

    def _problems(self, problems: Sequence[Problem]) -> OpenApiResponse:
        schemas = [self._problem(problem) for problem in problems]
        return OpenApiResponse(
            schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
            description=" Or: ".join(f"{problem.title}." for problem in problems),
            examples=[OpenApiExample(problem.code, value=_example(problem)) for problem in problems],
        )

    def _problem(self, problem: Problem) -> dict[str, Any]:
        """The component of this problem: every one has what RFC 9457 says, and a code that tells it."""
        members = {"code": {"const": problem.code}, "status": {"const": problem.status}, **problem.members}
        said = {"type": "object", "properties": members, "required": ["code", *problem.members]}
        schema = {"allOf": [self._component("Problem", _problem_schema()), said]}
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
            yield OpenApiParameter("sku", {"type": "string", "pattern": f"^{fields.SKU}$"}, OpenApiParameter.PATH)

    def _headers(self) -> Iterator[OpenApiParameter]:
        operation = self.operation
        if operation.keyed:
            key = {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"}
            yield _header("Idempotency-Key", key, "A name of yours for this write: repeated, it is done once.")
            yield _header("Idempotent-Replayed", _TEXT, "true where an earlier request did it.", *ALL)
        if operation.tagged and self.method != "POST":
            name = "If-None-Match" if self.method == "GET" else "If-Match"
            yield _header(name, _TEXT, "The ETag that you have seen.")
        if operation.tagged and self.method != "DELETE":
            yield _header("ETag", _TEXT, "Changes with the body.", operation.status, 304)
        if operation.status == 201:
            yield _header("Location", {"type": "string", "format": "uri-reference"}, "Where it is.", 201)
        if operation.access is not Access.ANYONE or "invalid-credentials" in operation.problems:
            yield _header("WWW-Authenticate", {"const": "Bearer"}, "How to sign in.", 401)
        yield _header("Retry-After", {"type": "string", "pattern": "^[0-9]+$"}, "Seconds to wait.", 503)
        yield _header("X-Request-ID", _TEXT, "The id of this request, in every log line and problem.", *ALL)

    def _is_list_view(self, serializer: Any = None) -> bool:
        # Pages are described here, not by a paginator of DRF's.
        return False

    def _insert_field_validators(self, field: Any, schema: dict[str, Any]) -> None:
        # The fields of bodies say all that there is to say.
        if not hasattr(field, "shape"):
            super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]

    def _postprocess_serializer_schema(self, schema: dict[str, Any], serializer: Any, direction: str) -> dict[str, Any]:
        if isinstance(serializer, Body) and not isinstance(serializer, fields.Answer):
            schema["additionalProperties"] = False
            if not isinstance(serializer, Edit):
                sent = {name: said for name, said in schema["properties"].items() if not said.get("readOnly")}
                schema["properties"] = sent
        return schema


def _header(name: str, schema: dict[str, Any], description: str, *statuses: int) -> OpenApiParameter:
    """A header of the request, or of the responses with these statuses (ALL: whichever they have)."""
    response = True if statuses == ALL else list(statuses)
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=description, response=response)


def _problem_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "What went wrong, as RFC 9457 has it.",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "instance": {"type": "string", "format": "uri-reference"},
            "code": _TEXT,
            "errors": {"type": "array", "items": _FAULT},
        },
        "required": ["type", "title", "status", "detail", "instance", "code"],
    }


def _example(problem: Problem) -> dict[str, Any]:
    return document(problem, _EXAMPLE_ID, **problem.example)
