"""The problems of the API (RFC 9457): code, status, title, meaning and remedy of each, in one table."""

from collections.abc import Mapping, Sequence

from exactly_once.errors import IdempotencyKeyReused, OutcomeErased, OutcomeUnknown, RateLimited, StoreUnavailable
from shop.api import limits
from shop.api.account_problems import ACCOUNT_PROBLEMS
from shop.api.cart_problems import CART_CODES, CART_PROBLEMS
from shop.api.goods_problems import GOODS_PROBLEMS
from shop.api.payment_problems import PAYMENT_CODES, PAYMENT_PROBLEMS
from shop.api.problem import Problem
from shop.api.voucher_problems import VOUCHER_CODES, VOUCHER_PROBLEMS
from shop.domain import errors

MEDIA_TYPE = "application/problem+json"

_ID = {"type": "string", "format": "uuid"}
_EXAMPLE_ID = "019a6e30-1b58-7f10-8c2d-0a1b2c3d4e5f"
_UNITS = {"type": "integer", "minimum": 0}

_ALL = (
    Problem(
        code="bad-request",
        status=400,
        title="Bad request",
        meaning="The request line or a header is malformed or too long.",
        remedy="Check the URL and the headers, and send the request again.",
    ),
    Problem(
        code="malformed-body",
        status=400,
        title="Malformed body",
        meaning="The body is empty, is not valid JSON in UTF-8, is not an object, nests deeper than "
        f"{limits.MAX_DEPTH} levels, or has an object with more than {limits.MAX_KEYS} names.",
        remedy="Send one JSON object, encoded in UTF-8, within these limits.",
    ),
    Problem(
        code="validation-error",
        status=400,
        title="Validation error",
        meaning="At least one value is missing, out of bounds or not of the right type.",
        remedy="Correct what `errors` lists: each has a JSON pointer into the body, a query parameter or a header.",
    ),
    Problem(
        code="unknown-field",
        status=400,
        title="Unknown field",
        meaning="The body has a field, or the query a parameter, that this operation does not have.",
        remedy="Correct its name, or leave it out.",
    ),
    Problem(
        code="read-only-field",
        status=400,
        title="Read-only field",
        meaning="Only the shop writes this field. Its present value may be sent back; without If-Match, a former one "
        "of `stock`, `is_sold`, `updated_at`, `stock_changed_at`, `redeemed` and `version` too.",
        remedy="Leave it out, or read the resource again and send its present value.",
    ),
    Problem(
        code="invalid-cursor",
        status=400,
        title="Invalid cursor",
        meaning="A cursor is valid only for the list, the filters and the ordering that it came from.",
        remedy="Follow the `next` and `previous` links of a page unchanged, or start at the first page.",
    ),
    Problem(
        code="unauthenticated",
        status=401,
        title="Authentication required",
        meaning="The request has no token, or one that is unknown, expired or revoked.",
        remedy="Get a token at /api/v1/auth/token/ and send it as Authorization: Bearer <token>.",
    ),
    Problem(
        code="invalid-credentials",
        status=401,
        title="Invalid credentials",
        meaning="No user has this email and this password. The response does not tell which of the two is wrong.",
        remedy="Check both and try again.",
    ),
    Problem(
        code="forbidden",
        status=403,
        title="Permission denied",
        meaning="Your role does not allow this operation, or a browser's form came without a valid CSRF token.",
        remedy="Sign in as a user who may, or reload the page and submit the form again.",
    ),
    Problem(
        code="not-found",
        status=404,
        title="Not found",
        meaning="No such resource, or you may not see it.",
        remedy="Check the URL.",
    ),
    Problem(
        code="method-not-allowed",
        status=405,
        title="Method not allowed",
        meaning="The resource exists, but does not support this method.",
        remedy="Use one of the methods in the Allow header.",
    ),
    Problem(
        code="email-taken",
        status=409,
        title="Email already taken",
        meaning="Another user has this email address. Case and Unicode spelling make no difference.",
        remedy="Sign in with it, or use another address.",
    ),
    Problem(
        code="sku-taken",
        status=409,
        title="SKU already taken",
        meaning="Another product of the catalogue has this SKU.",
        remedy="Update that product, or use another SKU.",
    ),
    Problem(
        code="last-staff",
        status=409,
        title="Last staff user",
        meaning="This user is the last one with the role staff, without whom the shop could not be run.",
        remedy="Give another user the role staff first.",
    ),
    Problem(
        code="insufficient-stock",
        status=409,
        title="Insufficient stock",
        meaning="Fewer units are in stock than requested. Nothing was changed.",
        remedy="Request no more than `available` of each product in `shortages`.",
        members={"shortages": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Shortage"}}},
        example={"shortages": [{"product": _EXAMPLE_ID, "requested": 3, "available": 1}]},
    ),
    Problem(
        code="stock-changed",
        status=409,
        title="Stock changed",
        meaning="The stock is not the `expected` one. Nothing was changed.",
        remedy="Decide again by the present `stock`, and send it as `expected`.",
        members={"stock": _UNITS},
        example={"stock": 7},
    ),
    Problem(
        code="precondition-failed",
        status=412,
        title="Precondition failed",
        meaning="The version in If-Match is not the present one. Nothing was changed.",
        remedy="Read the resource again, and repeat the change with its new ETag.",
        members={"version": {"type": "integer", "minimum": 1}},
        example={"version": 4},
    ),
    Problem(
        code="payload-too-large",
        status=413,
        title="Payload too large",
        meaning=limits.BODY_LIMITS,
        remedy="Send a smaller body.",
    ),
    Problem(
        code="rate-limited",
        status=429,
        title="Too many requests",
        meaning="More requests came from one caller or one address than its limit admits. Nothing was done. "
        "RateLimit-Policy names the limit.",
        remedy="Repeat the request after the seconds in Retry-After, and send fewer at once.",
    ),
    Problem(
        code="misdirected-request",
        status=421,
        title="Misdirected request",
        meaning="The shop is not served for the host of this request.",
        remedy="Call it by one of its own names, which its operator lists in EVERGREEN_HOSTS.",
    ),
    Problem(
        code="unsupported-media-type",
        status=415,
        title="Unsupported media type",
        meaning="Bodies are JSON. HTML forms are accepted only from users signed in by the browser's cookie.",
        remedy="Send JSON, with Content-Type: application/json.",
    ),
    Problem(
        code="idempotency-key-reused",
        status=422,
        title="Idempotency key reused",
        meaning="This key was used for another request. For 24 hours, or 10 minutes after a refusal, it stands for "
        "one method, path and body.",
        remedy="Use a new key for a new request.",
    ),
    Problem(
        code="unknown-product",
        status=422,
        title="Unknown product",
        meaning="The purchase names products that are not in the catalogue. Nothing was bought.",
        remedy="Remove the products in `products` and the SKUs in `skus` from the purchase.",
        members={
            "products": {"type": "array", "items": _ID},
            "skus": {"type": "array", "items": {"type": "string"}},
        },
        example={"products": [_EXAMPLE_ID], "skus": []},
    ),
    Problem(
        code="mixed-currencies",
        status=422,
        title="Mixed currencies",
        meaning="The products of a purchase are priced in more than one currency. Nothing was bought.",
        remedy="Place one purchase for each of the `currencies`.",
        members={"currencies": {"type": "array", "minItems": 2, "items": {"type": "string"}}},
        example={"currencies": ["EUR", "USD"]},
    ),
    Problem(
        code="internal-error",
        status=500,
        title="Internal server error",
        meaning="The server failed. Its log has the cause, under the request id in `instance`.",
        remedy="A write may have taken effect: repeat it with the same Idempotency-Key, and report the request id.",
    ),
    Problem(
        code="store-unavailable",
        status=503,
        title="Store unavailable",
        meaning="The store did not answer. Nothing was changed.",
        remedy="Repeat the request after the seconds in Retry-After.",
    ),
    Problem(
        code="outcome-unknown",
        status=503,
        title="Outcome unknown",
        meaning="The store did not confirm the write: it may have taken effect, or may still do so.",
        remedy="Repeat the request with the same Idempotency-Key: it takes effect once, and returns the outcome.",
    ),
)

PROBLEMS: Mapping[str, Problem] = {
    problem.code: problem
    for problem in (
        *_ALL,
        *ACCOUNT_PROBLEMS,
        *CART_PROBLEMS,
        *GOODS_PROBLEMS,
        *PAYMENT_PROBLEMS,
        *VOUCHER_PROBLEMS,
    )
}

#: The problem of each error of the domain and of the engine.
CODES: Mapping[type[Exception], str] = {
    **CART_CODES,
    **PAYMENT_CODES,
    **VOUCHER_CODES,
    errors.Invalid: "validation-error",
    errors.InvalidCredentials: "invalid-credentials",
    errors.NotFound: "not-found",
    errors.InvalidMailToken: "validation-error",
    errors.MailOff: "mail-off",
    errors.EmailTaken: "email-taken",
    errors.SkuTaken: "sku-taken",
    errors.LastStaff: "last-staff",
    errors.TooManyApiKeys: "too-many-api-keys",
    errors.TooManyEndpoints: "too-many-webhook-endpoints",
    errors.TooManyTransfers: "too-many-transfers",
    errors.FileNotReady: "file-not-ready",
    errors.TransfersFull: "transfers-full",
    errors.UploadLost: "upload-lost",
    errors.TooManyOpenPurchases: "too-many-open-purchases",
    errors.InsufficientStock: "insufficient-stock",
    errors.StockChanged: "stock-changed",
    errors.UnknownProduct: "unknown-product",
    errors.MixedCurrencies: "mixed-currencies",
    errors.InvalidTransition: "invalid-transition",
    errors.UnitsExceeded: "units-exceeded",
    errors.TooManyShipments: "too-many-shipments",
    errors.TooManyReturns: "too-many-returns",
    errors.PreconditionFailed: "precondition-failed",
    IdempotencyKeyReused: "idempotency-key-reused",
    StoreUnavailable: "store-unavailable",
    OutcomeUnknown: "outcome-unknown",
    OutcomeErased: "not-found",
    RateLimited: "rate-limited",
}


def problem_document(problem: Problem, request_id: str, detail: str = "", **members: object) -> dict[str, object]:
    """Build the problem document of a request; without a `detail` it is the meaning and the remedy."""
    return {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": detail or f"{problem.meaning} {problem.remedy}",
        "instance": f"urn:request:{request_id}",
        "code": problem.code,
        **members,
    }


def validation_code(field_errors: Sequence[errors.FieldError]) -> str:
    """Return the code that all field errors share, where a problem has it, or else validation-error."""
    codes = {each.code for each in field_errors}
    shared = codes.pop() if len(codes) == 1 else ""
    return shared if shared in PROBLEMS else "validation-error"
