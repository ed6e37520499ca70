"""The introduction of the OpenAPI document: how to call the API, and what its groups of operations are."""

from collections.abc import Mapping, Sequence

from shop.api import limits
from shop.api.examples import PRODUCT
from shop.domain import text
from shop.domain.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

#: The groups of operations in the order in which a reader needs them; a group is the basename of a ViewSet.
TAGS: Sequence[Mapping[str, str]] = (
    {"name": "auth", "description": "Sign in and out, sessions, new passwords."},
    {"name": "products", "description": "The catalogue: search, prices, stock."},
    {"name": "carts", "description": "What a user or a guest is about to buy, and units that are held meanwhile."},
    {"name": "purchases", "description": "Buying, and what happens to a purchase until it is delivered or refunded."},
    {"name": "payments", "description": "Money for purchases, by payment providers, and their webhooks."},
    {"name": "returns", "description": "What buyers send back, until it is received and refunded. For staff."},
    {"name": "vouchers", "description": "Codes that take something off the price of a purchase. For staff."},
    {"name": "shipping_methods", "description": "How a purchase may be sent, and what that costs."},
    {"name": "addresses", "description": "The addresses of the current user."},
    {"name": "users", "description": "Registration, users and their roles, export and erasure of personal data."},
    {"name": "api_keys", "description": "Keys for machines, each with scopes. For staff."},
    {"name": "webhook_endpoints", "description": "Where events are sent, signed. For staff."},
    {"name": "deliveries", "description": "Deliveries of events to webhook endpoints. For staff."},
    {"name": "imports", "description": "Files of products and of stock, whose rows a worker carries out. For staff."},
    {"name": "exports", "description": "Files of products, purchases or users, which a worker writes. For staff."},
    {"name": "events", "description": "What happened, for other systems. For staff and API keys."},
    {"name": "audit", "description": "Who did what to what, and when. For staff."},
)
SERVERS: Sequence[Mapping[str, str]] = (
    {"url": "/", "description": "The shop that serves this document."},
    {"url": "http://127.0.0.1:8080", "description": "A shop that `make run` has started on this machine."},
)
CONTACT: Mapping[str, str] = {"name": "The operator of this shop"}

DESCRIPTION: str = f"""\
An online shop that does not go down and does not lose an order.

## A first purchase

```sh
API=http://127.0.0.1:8080/api/v1; JSON='Content-Type: application/json'
curl -s $API/users/ -H "$JSON" -d '{{"email": "ada@example.com", "password": "correct horse battery staple"}}'
TOKEN=$(curl -s $API/auth/token/ -H "$JSON" \\
    -d '{{"email": "ada@example.com", "password": "correct horse battery staple"}}' | grep -o 'evg_[^"]*')
curl -s "$API/products/?search=apples&in_stock=true"
curl -s $API/purchases/ -H "Authorization: Bearer $TOKEN" -H "$JSON" -H 'Idempotency-Key: order-1001' \\
    -d '{{"items": [{{"sku": "{PRODUCT["sku"]}", "quantity": 2}}]}}'
```

Send the last line again: it is still one purchase, and the response is the first one.

## Conventions

- **Authentication**: `Authorization: Bearer <token>`. A token is from `POST /auth/token/` and valid for 14 days; an
  API key is from staff, and has scopes.
- **Exactly once**: send a new `Idempotency-Key` with each POST, and repeat the request with the same key until there
  is an answer. The write takes effect once. A repeat gets the first outcome, with `Idempotent-Replayed: true`.
- **Conditional requests**: resources have an `ETag`. `If-None-Match` answers 304 where nothing has changed.
  `If-Match` on PUT, PATCH and DELETE answers 412 where another client was first; a sale changes the stock of a
  product, and is no such change.
- **GET, change, PUT**: read-only fields may be sent back. Without `If-Match`, those that change by themselves
  (`stock`, `is_sold`, `updated_at`, `stock_changed_at`, `redeemed`, `version`) may be out of date.
- **Polling a stock**: `updated_at` is the last edit, which a sale is not. `stock_changed_at` is the last change of the
  stock, and later after each of them: where it is what it was, so is the stock.
- **Pages**: `page_size` is {DEFAULT_PAGE_SIZE} unless given, at most {MAX_PAGE_SIZE}. Follow `next` until it is null.
  A page stays stable while others create and withdraw. A page may be shorter than `page_size`, or empty, and have a
  `next`: a search of a large catalogue ends after a bounded part of it, and goes on there.
- **Errors** are problem details (RFC 9457): `code` is for programs, `detail` says what to do, `errors` has a JSON
  pointer for each invalid field, `type` is a page about the problem. Unknown fields and query parameters are refused.
- **Retries**: 429 and 503 have `Retry-After`. After 503 `outcome-unknown` the write may have been done: repeat it with
  the same key.
- **Rate limits**: `RateLimit` and `RateLimit-Policy`. A repeat of a recorded outcome is never charged.
- **Money** is a decimal string with as many decimals as the currency has; instants are RFC 3339 in UTC; ids are UUIDs.
- **Addresses** end in a slash. Without it, 308 leads to the right one, whatever the method.

## Limits

{limits.BODY_LIMITS} JSON nests at most {limits.MAX_DEPTH} deep, an object has at most {limits.MAX_KEYS} names, a query
at most {limits.MAX_QUERY_PARAMETERS} parameters. Text has at most {text.MAX_MARKS_IN_A_ROW} combining marks in a row
(UAX #15). A response lists at most {limits.MAX_FIELD_ERRORS} field errors.
"""
