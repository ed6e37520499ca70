"""Every problem the API can answer with: its code, its status, and what its page says. One table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exactly_once.errors import IdempotencyKeyReused, OutcomeErased, OutcomeUnknown, StoreUnavailable
from shop.api import limits
from shop.domain import errors

#: Where a problem's page is.
PAGES = "/problems/"
MEDIA_TYPE = "application/problem+json"

_ID = {"type": "string", "format": "uuid"}
_EXAMPLE_ID = "019a6e30-1b58-7f10-8c2d-0a1b2c3d4e5f"
_UNITS = {"type": "integer", "minimum": 0}
_SHORTAGE = {
    "type": "object",
    "properties": {"product": _ID, "requested": _UNITS, "available": _UNITS},
    "required": ["product", "requested", "available"],
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A kind of problem. `members` are the schemas of what its document has beyond RFC 9457's own members, `example`
    values of them."""

    code: str
    status: int
    title: str
    meaning: str
    remedy: str
    members: Mapping[str, Any] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return f"{PAGES}{self.code}"


_ALL = (
    Problem(
        code="bad-request",
        status=400,
        title="The request cannot be understood",
        meaning=(
            "Something about the request itself, such as its Host header or the length of its query, is not as HTTP or "
            "this server has it."
        ),
        remedy="Look at the address and the headers that were sent.",
    ),
    Problem(
        code="malformed-body",
        status=400,
        title="The body is not the JSON object it should be",
        meaning=(
            "The body is empty, is not valid JSON in UTF-8, is not an object, nests deeper than "
            f"{limits.MAX_DEPTH} levels, or has an object with more than {limits.MAX_KEYS} names."
        ),
        remedy="Send one JSON object, encoded in UTF-8, within these limits.",
    ),
    Problem(
        code="validation-error",
        status=400,
        title="Some values cannot be used",
        meaning="The request is well-formed, but what it says is missing something or out of bounds.",
        remedy="The errors say where and why: a JSON pointer into the body, or a query parameter's or header's name.",
    ),
    Problem(
        code="unknown-field",
        status=400,
        title="There is no such field",
        meaning="The body has a field, or the query a parameter, that this operation does not know.",
        remedy="Correct its name, or leave it out.",
    ),
    Problem(
        code="read-only-field",
        status=400,
        title="This field cannot be written",
        meaning="Only the shop itself writes this field. It may be sent back with its present value, not with another.",
        remedy="Leave it out, or read the resource again and send what it says now.",
    ),
    Problem(
        code="invalid-cursor",
        status=400,
        title="The cursor does not belong to this list",
        meaning="A cursor is good for the list, the filters and the order that it came from.",
        remedy="Follow the links of a page as they are, or start at the first page.",
    ),
    Problem(
        code="unauthenticated",
        status=401,
        title="Sign in first",
        meaning="The request has no token, or one that is unknown, expired or revoked.",
        remedy="Get a token at /api/v1/auth/token/ and send it as Authorization: Bearer <token>.",
    ),
    Problem(
        code="invalid-credentials",
        status=401,
        title="The email and the password do not belong together",
        meaning="There is no user with this address and this password. Which of the two is wrong is not told.",
        remedy="Look at both and try again.",
    ),
    Problem(
        code="forbidden",
        status=403,
        title="This is not for you to do",
        meaning="You are signed in, but may not do this; or a browser's form came without its CSRF token.",
        remedy="Sign in as somebody who may, or load the page again.",
    ),
    Problem(
        code="not-found",
        status=404,
        title="There is nothing here",
        meaning="No such thing exists, or it is not yours to see.",
        remedy="Check the address.",
    ),
    Problem(
        code="method-not-allowed",
        status=405,
        title="This cannot be done here",
        meaning="The resource exists, but not for this method.",
        remedy="The Allow header names the methods that it knows.",
    ),
    Problem(
        code="email-taken",
        status=409,
        title="Somebody has this email address",
        meaning="An address belongs to one user; case and Unicode spelling do not tell two apart.",
        remedy="Sign in with it, or use another.",
    ),
    Problem(
        code="sku-taken",
        status=409,
        title="Another product has this SKU",
        meaning="A SKU names one product of the catalogue.",
        remedy="Change that product, or use another SKU.",
    ),
    Problem(
        code="last-staff",
        status=409,
        title="Nobody would be left to run the shop",
        meaning="This user is the last one of the staff.",
        remedy="Make somebody else staff first.",
    ),
    Problem(
        code="insufficient-stock",
        status=409,
        title="There is not enough in stock",
        meaning="Fewer units are there than were asked for. Nothing was taken.",
        remedy="The shortages name every short product, with what is available.",
        members={"shortages": {"type": "array", "minItems": 1, "items": _SHORTAGE}},
        example={"shortages": [{"product": _EXAMPLE_ID, "requested": 3, "available": 1}]},
    ),
    Problem(
        code="stock-changed",
        status=409,
        title="The stock is not what you expected",
        meaning="It changed since you looked. Nothing was done.",
        remedy="Decide again by the stock that is given.",
        members={"stock": _UNITS},
        example={"stock": 7},
    ),
    Problem(
        code="invalid-transition",
        status=409,
        title="The purchase cannot go there from where it is",
        meaning="A purchase is placed, paid, shipped and delivered in this order; placed and paid ones can be"
        " cancelled; paid, shipped and delivered ones refunded.",
        remedy="The document says where the purchase is, and where it may go.",
        members={
            "from": {"type": "string"},
            "to": {"type": "string"},
            "allowed": {"type": "array", "items": {"type": "string"}},
        },
        example={"from": "shipped", "to": "cancelled", "allowed": ["delivered", "refunded"]},
    ),
    Problem(
        code="precondition-failed",
        status=412,
        title="It was changed since you looked",
        meaning="The version in If-Match is not the present one. Nothing was done.",
        remedy="Read the resource again, and decide again.",
        members={"version": {"type": "integer", "minimum": 1}},
        example={"version": 4},
    ),
    Problem(
        code="payload-too-large",
        status=413,
        title="The body is too large",
        meaning=limits.BODY_LIMITS,
        remedy="Send less at a time.",
    ),
    Problem(
        code="unsupported-media-type",
        status=415,
        title="The body is of a media type that is not read here",
        meaning="Bodies are JSON. Forms are read only from somebody signed in by the browser's cookie.",
        remedy="Send JSON, with Content-Type: application/json.",
    ),
    Problem(
        code="idempotency-key-reused",
        status=422,
        title="This Idempotency-Key belongs to another request",
        meaning="A key names one request: its method, path and body, for 24 hours.",
        remedy="Use a new key for a new request.",
    ),
    Problem(
        code="unknown-product",
        status=422,
        title="Some products are not for sale",
        meaning="The purchase names products that are not in the catalogue. Nothing was bought.",
        remedy="Leave them out.",
        members={"products": {"type": "array", "minItems": 1, "items": _ID}},
        example={"products": [_EXAMPLE_ID]},
    ),
    Problem(
        code="mixed-currencies",
        status=422,
        title="A purchase has one currency",
        meaning="The products are priced in different currencies. Nothing was bought.",
        remedy="Place one purchase for each currency.",
        members={"currencies": {"type": "array", "minItems": 2, "items": {"type": "string"}}},
        example={"currencies": ["EUR", "USD"]},
    ),
    Problem(
        code="internal-error",
        status=500,
        title="Something is broken here",
        meaning="The server met a fault of its own. It has been written down, under the id in instance.",
        remedy="A write may have been done: repeat it with the same Idempotency-Key. If it stays, tell us the id.",
    ),
    Problem(
        code="store-unavailable",
        status=503,
        title="The store cannot answer now",
        meaning="Nothing was done.",
        remedy="Try again after the seconds in Retry-After.",
    ),
    Problem(
        code="outcome-unknown",
        status=503,
        title="It is not known whether it was done",
        meaning="The store stopped answering while it worked: the write may have been done, or may yet be.",
        remedy="Repeat the request with the same Idempotency-Key: it finds out, and does it at most once.",
    ),
)

PROBLEMS: Mapping[str, Problem] = {problem.code: problem for problem in _ALL}

#: The problem of each error of the domain and of the engine.
CODES: Mapping[type[Exception], str] = {
    errors.Invalid: "validation-error",
    errors.InvalidCredentials: "invalid-credentials",
    errors.NotFound: "not-found",
    errors.EmailTaken: "email-taken",
    errors.SkuTaken: "sku-taken",
    errors.LastStaff: "last-staff",
    errors.InsufficientStock: "insufficient-stock",
    errors.StockChanged: "stock-changed",
    errors.UnknownProduct: "unknown-product",
    errors.MixedCurrencies: "mixed-currencies",
    errors.InvalidTransition: "invalid-transition",
    errors.PreconditionFailed: "precondition-failed",
    IdempotencyKeyReused: "idempotency-key-reused",
    StoreUnavailable: "store-unavailable",
    OutcomeUnknown: "outcome-unknown",
    OutcomeErased: "not-found",
}


def document(problem: Problem, request_id: str, detail: str = "", **members: object) -> dict[str, object]:
    """The problem as RFC 9457 has it, about the request of this id."""
    return {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": detail or problem.meaning,
        "instance": f"urn:request:{request_id}",
        "code": problem.code,
        **members,
    }


def code_of(faults: Sequence[errors.FieldError]) -> str:
    """What a request with these faults is answered: their own code where it is a problem of its own."""
    codes = {fault.code for fault in faults}
    own = codes.pop() if len(codes) == 1 else ""
    return own if own in PROBLEMS else "validation-error"
