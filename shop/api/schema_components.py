"""What operations of the OpenAPI document share: headers, parameters, problems and the responses that have them, each
a component that is described once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drf_spectacular.plumbing import ResolvedComponent

from shop.api import fields
from shop.api.cart_problems import CART_PARTS
from shop.api.examples import ETAG, PRODUCT, PURCHASE, SHIPPING_METHOD, VOUCHER
from shop.api.filters import Parameter
from shop.api.limits import MAX_TOKEN_CHARS
from shop.api.problem import Problem
from shop.api.problems import MEDIA_TYPE, PROBLEMS, problem_document
from shop.domain import shipping_methods, vouchers

Schema = dict[str, Any]

EXAMPLE_REQUEST_ID = "0af7651916cd43dd8448eb211c80319c"
_TEXT = {"type": "string"}


def only(value: str | int) -> Schema:
    """Return the schema of the one value that there is. Generators make types of an `enum`, and not of a `const`."""
    return {"type": "integer" if isinstance(value, int) else "string", "enum": [value]}


HEADERS: Mapping[str, Schema] = {
    "ETag": {
        "description": "Version of the body, for If-Match and If-None-Match.",
        "schema": _TEXT,
        "example": ETAG,
    },
    "Idempotent-Replayed": {
        "description": "true where an earlier request took effect, and this is its outcome.",
        "schema": only("true"),
    },
    "Location": {
        "description": "URL of the new resource.",
        "schema": {"type": "string", "format": "uri-reference"},
        "example": f"/api/v1/purchases/{PURCHASE['id']}/",
    },
    "RateLimit": {
        "description": "How many requests each of the limits still admits at once (r), and the seconds until it is "
        "whole again (t). Only where a limit of the API counts the request.",
        "schema": _TEXT,
    },
    "RateLimit-Policy": {
        "description": "The rate limits that the request counts against: q requests, and as many again in w seconds.",
        "schema": _TEXT,
    },
    "Retry-After": {
        "description": "Seconds to wait before retrying.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
        "example": "1",
    },
    "WWW-Authenticate": {"description": "The authentication scheme.", "schema": only("Bearer")},
    "X-Request-ID": {
        "description": "Id of this request in logs and problems.",
        "schema": _TEXT,
        "example": EXAMPLE_REQUEST_ID,
    },
}

PARAMETERS: Mapping[str, Schema] = {
    "Id": {
        "in": "path",
        "name": "id",
        "required": True,
        "description": "Id of the resource.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "VoucherCode": {
        "in": "path",
        "name": "id",
        "required": True,
        "description": "Code of the voucher, in any case.",
        "schema": {"type": "string", "pattern": f"^{vouchers.CODE_PATTERN}$"},
        "example": VOUCHER["code"],
    },
    "ShippingMethodCode": {
        "in": "path",
        "name": "id",
        "required": True,
        "description": "Code of the shipping method.",
        "schema": {"type": "string", "pattern": f"^{shipping_methods.CODE_PATTERN}$"},
        "example": SHIPPING_METHOD["code"],
    },
    "Sku": {
        "in": "path",
        "name": "sku",
        "required": True,
        "description": "SKU of the product.",
        "schema": {"type": "string", "pattern": f"^{fields.SKU_PATTERN}$"},
        "example": PRODUCT["sku"],
    },
    "Product": {
        "in": "path",
        "name": "product",
        "required": True,
        "description": "Id of the product.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "Provider": {
        "in": "path",
        "name": "provider",
        "required": True,
        "description": "Name of the payment provider.",
        "schema": {"type": "string", "pattern": "^[a-z]{1,32}$"},
        "example": "fake",
    },
    "CartToken": {
        "in": "header",
        "name": "X-Cart-Token",
        "description": "Token of a guest's cart, from the response that created it.",
        "schema": {"type": "string", "maxLength": MAX_TOKEN_CHARS},
    },
    "IdempotencyKey": {
        "in": "header",
        "name": "Idempotency-Key",
        "description": "Unique key of this write: repeated within 24 hours, it takes effect once. A refusal is "
        "remembered for 10 minutes.",
        "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
        "example": "4f0c1e9a-order-1001",
    },
    "IfMatch": {
        "in": "header",
        "name": "If-Match",
        "description": "ETag that the change requires; 412 where the resource has another version.",
        "schema": _TEXT,
    },
    "IfNoneMatch": {
        "in": "header",
        "name": "If-None-Match",
        "description": "ETags that the client has; 304 where one of them is the present one.",
        "schema": _TEXT,
    },
}

_UNITS = {"type": "integer", "minimum": 0}
#: Parts of problems that have names of their own.
_PARTS: Mapping[str, Schema] = {
    **CART_PARTS,
    "Shortage": {
        "type": "object",
        "description": "A product with fewer units in stock than requested.",
        "properties": {"product": {"type": "string", "format": "uuid"}, "requested": _UNITS, "available": _UNITS},
        "required": ["product", "requested", "available"],
    },
    "FieldError": {
        "type": "object",
        "description": "An invalid value.",
        "properties": {
            "pointer": {
                "type": "string",
                "description": "JSON pointer into the body, or the name of a parameter or header.",
            },
            "code": {"type": "string", "description": "Kind of the error, for programs."},
            "detail": {"type": "string", "description": "What to do."},
        },
        "required": ["pointer", "code", "detail"],
    },
}
_PROBLEM: Schema = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Page that explains the problem."},
        "title": {"type": "string", "description": "Name of the problem."},
        "status": {"type": "integer", "description": "Status of the response."},
        "detail": {"type": "string", "description": "What happened, and what to do."},
        "instance": {"type": "string", "format": "uri-reference", "description": "The request, as urn:request:<id>."},
        "code": {"type": "string", "description": "Kind of the problem, for programs."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
    },
    "required": ["type", "title", "status", "detail", "instance", "code"],
}

_READ = frozenset({"bad-request", "unknown-field"})
_BODY = _READ | {"malformed-body", "validation-error"}
#: Responses whose problems are too many for a name. The others are named after their problems.
_RESPONSE_NAMES: Mapping[frozenset[str], str] = {
    _READ: "BadRequest",
    _READ | {"validation-error"}: "InvalidQuery",
    _READ | {"validation-error", "invalid-cursor"}: "InvalidPageQuery",
    _BODY: "InvalidBody",
    _BODY | {"read-only-field"}: "InvalidResource",
}
_PROBLEM_HEADERS = ("RateLimit", "RateLimit-Policy", "X-Request-ID")
#: Headers of problems with these statuses. A refusal is a recorded outcome, which a repeat gets.
_HEADERS_BY_STATUS: Mapping[int, Sequence[str]] = {
    401: ("WWW-Authenticate",),
    404: ("Idempotent-Replayed",),
    409: ("Idempotent-Replayed",),
    412: ("Idempotent-Replayed",),
    422: ("Idempotent-Replayed",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


class Components:
    """The components of one document. Each method returns a reference to one, and describes it at the first use."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry

    def schema(self, name: str, schema: Schema) -> Schema:
        return self._reference(ResolvedComponent.SCHEMA, name, schema)

    def headers(self, names: Iterable[str]) -> Schema:
        """References to headers, by name."""
        return {name: self._reference(ResolvedComponent.HEADER, name, dict(HEADERS[name])) for name in sorted(names)}

    def parameter(self, name: str) -> Schema:
        return self._reference(ResolvedComponent.PARAMETER, name, dict(PARAMETERS[name]))

    def query_parameter(self, parameter: Parameter) -> Schema:
        """The description of a parameter of lists; a reference where all lists share it."""
        described = {
            "in": "query",
            "name": parameter.name,
            "description": parameter.description,
            "schema": dict(parameter.schema),
        }
        if not parameter.component:
            return described
        return self._reference(ResolvedComponent.PARAMETER, parameter.component, described)

    def example(self, name: str, value: Any) -> Schema:
        """The examples of a media type: one, by reference."""
        return {name: self._reference(ResolvedComponent.EXAMPLE, name, {"value": value})}

    def problems(self, codes: Iterable[str]) -> dict[str, Schema]:
        """References to the responses with these problems, by status."""
        by_status: dict[int, list[Problem]] = {}
        for code in dict.fromkeys(codes):
            by_status.setdefault(PROBLEMS[code].status, []).append(PROBLEMS[code])
        return {str(status): self._response(by_status[status]) for status in sorted(by_status)}

    def _response(self, problems: Sequence[Problem]) -> Schema:
        problems = sorted(problems, key=lambda problem: problem.code)
        schemas = [self._problem(problem) for problem in problems]
        status = problems[0].status
        response = {
            "description": " Or: ".join(f"{problem.title}." for problem in problems),
            "headers": self.headers((*_PROBLEM_HEADERS, *_HEADERS_BY_STATUS.get(status, ()))),
            "content": {
                MEDIA_TYPE: {
                    "schema": schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
                    "examples": {
                        name: reference
                        for problem in problems
                        for name, reference in self.example(problem.code, _example(problem)).items()
                    },
                }
            },
        }
        return self._reference(ResolvedComponent.RESPONSE, _response_name(problems), response)

    def _problem(self, problem: Problem) -> Schema:
        """The schema of this problem: the members of RFC 9457, its code, and its extension members."""
        for name, schema in _PARTS.items():
            self.schema(name, schema)
        members = {"code": only(problem.code), "status": only(problem.status), **problem.members}
        own = {"type": "object", "properties": members, "required": ["code", "status", *problem.members]}
        schema = {"description": problem.meaning, "allOf": [self.schema("Problem", _PROBLEM), own]}
        return self.schema(f"{_camel_case(problem.code)}Problem", schema)

    def _reference(self, kind: str, name: str, described: Any) -> Schema:
        make: Any = ResolvedComponent
        component = make(name=name, type=kind, schema=described, object=name)
        self._registry.register_on_missing(component)
        reference: Schema = component.ref
        return reference


def _response_name(problems: Sequence[Problem]) -> str:
    codes = frozenset(problem.code for problem in problems)
    return _RESPONSE_NAMES.get(codes) or "Or".join(_camel_case(problem.code) for problem in problems)


def _camel_case(code: str) -> str:
    return "".join(word.title() for word in code.split("-"))


def _example(problem: Problem) -> Mapping[str, object]:
    return problem_document(problem, EXAMPLE_REQUEST_ID, **problem.example)
