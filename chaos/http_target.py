"""A shop that is reached over HTTP alone, by its URL and the credentials of a member of staff."""

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from chaos import http_records
from chaos.contents import Contents, EventContents, PaymentContents, ProductContents, PurchaseContents, ReturnContents
from chaos.history import CallKind, History
from chaos.stage import (
    CUSTOMERS,
    PLENTIFUL,
    PLENTIFUL_STOCK,
    SCARCE,
    SCARCE_STOCK,
    SHARED_LIMIT,
    SHARED_VOUCHERS,
    Person,
    Stage,
    voucher_code,
)
from chaos.target import FaultInjector, NotHealed

#: Of one call; and of all repeats of a call, while the shop recovers.
CALL_TIMEOUT_S, RECOVERY_TIMEOUT_S = 20.0, 60.0
POLL_S = 0.5
#: After the load, for requests that are still under way: the longest that the shop works on one.
SETTLE_S = 12.0
PAGE_SIZE = 100
MAX_CLOCK_DIFFERENCE_S = 60
PASSWORD = "a long walk home"


class HttpTarget:
    """See `Target`. No faults are injected: they can be, by other means, while a load runs."""

    injector: FaultInjector | None = None

    def __init__(self, url: str, email: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._email, self._password = email, password
        #: Behind which the events of the run are.
        self._first_event = "0-0"

    def set_up(self) -> Stage:
        with self._client() as client:
            staff = _log_in(client, self._email, self._password)
            self._first_event = _event_id_now(client)
            customers = [_create_customer(client) for _ in range(CUSTOMERS)]
            plentiful = [_create_product(client, staff, PLENTIFUL_STOCK) for _ in range(PLENTIFUL)]
            scarce = [_create_product(client, staff, SCARCE_STOCK) for _ in range(SCARCE)]
            vouchers = [_create_voucher(client, staff, limit=SHARED_LIMIT) for _ in range(SHARED_VOUCHERS)]
            takes_payments = _takes_payments(client, staff)
        return Stage(
            staff=staff,
            customers=customers,
            plentiful=plentiful,
            scarce=scarce,
            vouchers=vouchers,
            takes_payments=takes_payments,
        )

    def read_contents(self, stage: Stage, history: History) -> Mapping[str, Contents]:
        """The contents as the API shows them: the products and purchases of this run, and the users it registered.

        A product has no `adjusted` there, so it is what the stock and the purchases leave over."""
        time.sleep(SETTLE_S)
        with self._client() as client:
            sales = _sales(client, stage.customers, takes_payments=stage.takes_payments)
            products = {
                id: _product(client, stage.staff, id, opening, sales.purchases.values())
                for id, opening in _openings(stage, history).items()
            }
            emails = {call.subject for call in history.calls if call.kind is CallKind.REGISTRATION}
            users = dict(pair for email in sorted(emails) for pair in _users(client, stage.staff, email))
            vouchers = {
                code: http_records.voucher(_get(client, f"/vouchers/{code}/", stage.staff)) for code in stage.vouchers
            }
            refunds = {refund.id for payment in sales.payments.values() for refund in payment.refunds}
            known = {*users, *products, *sales.purchases, *sales.payments, *sales.returns, *vouchers, *refunds}
            events = [event for event in _events(client, stage.staff, self._first_event) if event.object in known]
        return {
            "api": Contents(
                users=users,
                products=products,
                purchases=sales.purchases,
                payments=sales.payments if stage.takes_payments else None,
                returns=sales.returns if stage.takes_payments else None,
                vouchers=vouchers,
                events=events,
            )
        }

    def heal(self) -> None:
        with self._client() as client:
            _get(client, "/products/")

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=f"{self.url}/api/v1", timeout=CALL_TIMEOUT_S)


@contextmanager
def connect(url: str, email: str, password: str) -> Iterator[HttpTarget]:
    """The shop at this URL, serving. Raises NotHealed."""
    target = HttpTarget(url, email, password)
    target.heal()
    yield target


def _log_in(client: httpx.Client, email: str, password: str) -> Person:
    session = _post(client, "/auth/token/", {"email": email, "password": password})
    return Person(id=session["user"]["id"], token=session["token"])


def _create_customer(client: httpx.Client) -> Person:
    email = f"{uuid.uuid4().hex}@chaos.example"
    _post(client, "/users/", {"email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Byron"})
    return _log_in(client, email, PASSWORD)


def _create_product(client: httpx.Client, staff: Person, stock: int) -> str:
    body = {"sku": uuid.uuid4().hex, "name": "Green tea", "category": "Tea", "company": "Garden"}
    return str(_post(client, "/products/", {**body, "price": "4.20", "currency": "EUR", "stock": stock}, staff)["id"])


def _openings(stage: Stage, history: History) -> Mapping[str, int]:
    """The products of a run, and the stock that each was created with."""
    created = (call for call in history.calls if call.kind is CallKind.CREATION and call.is_success)
    return {
        **dict.fromkeys(stage.plentiful, PLENTIFUL_STOCK),
        **dict.fromkeys(stage.scarce, SCARCE_STOCK),
        **{call.content["id"]: call.body["stock"] for call in created if call.body},
    }


def _event_id_now(client: httpx.Client) -> str:
    """An id that is earlier than those of events from now on, whichever clock is a minute ahead."""
    now = parsedate_to_datetime(client.get("/products/?page_size=1").headers["Date"])
    return f"{int(now.timestamp() - MAX_CLOCK_DIFFERENCE_S) * 1000}-0"


def _events(client: httpx.Client, staff: Person, after: str) -> Iterator[EventContents]:
    for event in _pages(client, f"/events/?page_size={PAGE_SIZE}&after={after}", staff):
        yield EventContents(type=event["type"], object=event["object"], units=event["data"].get("delta", 0))


def _product(
    client: httpx.Client, staff: Person, id: str, opening: int, purchases: Iterable[PurchaseContents]
) -> ProductContents:
    document = _get(client, f"/products/{id}/")
    movements = _pages(client, f"/products/{id}/movements/?page_size={PAGE_SIZE}", staff)
    return http_records.product(id, document, opening, movements, purchases)


@dataclass(kw_only=True, slots=True)
class _Sales:
    """The purchases of a run, with what belongs to them."""

    purchases: dict[str, PurchaseContents] = field(default_factory=dict)
    payments: dict[str, PaymentContents] = field(default_factory=dict)
    returns: dict[str, ReturnContents] = field(default_factory=dict)


def _sales(client: httpx.Client, customers: Iterable[Person], *, takes_payments: bool) -> _Sales:
    sales = _Sales()
    for customer in customers:
        for document in _pages(client, f"/purchases/?page_size={PAGE_SIZE}", customer):
            path = f"/purchases/{document['id']}"
            payments = list(_pages(client, f"{path}/payments/", customer)) if takes_payments else []
            is_shipped = any(step["status"] == "shipped" for step in document["history"])
            returns = list(_pages(client, f"{path}/returns/", customer)) if is_shipped else []
            sales.purchases[document["id"]] = http_records.purchase(document, payments, returns)
            sales.payments.update({each["id"]: http_records.payment(each) for each in payments})
            sales.returns.update({each["id"]: http_records.returned(each) for each in returns})
    return sales


def _create_voucher(client: httpx.Client, staff: Person, **limits: int) -> str:
    body = {"code": voucher_code(), "kind": "percent", "value": "10.00", **limits}
    return str(_post(client, "/vouchers/", body, staff)["code"])


def _takes_payments(client: httpx.Client, staff: Person) -> bool:
    """Whether a purchase, which is none of the run, can be paid by the fake provider."""
    buyer, product = _create_customer(client), _create_product(client, staff, 1)
    bought = _post(client, "/purchases/", {"items": [{"product": product, "quantity": 1}]}, buyer)
    body = {"provider": "fake", "method": "tok_ok"}
    paid = client.post(f"/purchases/{bought['id']}/payments/", json=body, headers=_headers(buyer))
    return paid.is_success


def _users(client: httpx.Client, staff: Person, email: str) -> Iterator[tuple[str, str]]:
    for user in _pages(client, f"/users/?search={email}", staff):
        yield user["id"], user["email"]


def _pages(client: httpx.Client, path: str, caller: Person) -> Iterator[Mapping[str, Any]]:
    following: str | None = path
    while following:
        page = _get(client, following, caller)
        yield from page["results"]
        following = page["next"]


def _get(client: httpx.Client, path: str, caller: Person | None = None) -> Any:
    """The body of a successful response; a refusal by a shop that recovers is repeated. Raises NotHealed."""
    end = time.monotonic() + RECOVERY_TIMEOUT_S
    while True:
        try:
            response = client.get(path, headers=_headers(caller))
            if response.is_success:
                return response.json()
            problem = f"{response.status_code} {response.text[:200]}"
        except httpx.TransportError as error:
            problem = repr(error)
        if time.monotonic() > end:
            raise NotHealed(f"GET {path} fails for {RECOVERY_TIMEOUT_S:.0f} s: {problem}")
        time.sleep(POLL_S)


def _post(client: httpx.Client, path: str, body: Mapping[str, Any], caller: Person | None = None) -> Any:
    response = client.post(path, json=body, headers=_headers(caller))
    if not response.is_success:
        raise NotHealed(f"The run cannot be set up: POST {path} gives {response.status_code} {response.text[:200]}")
    return response.json()


def _headers(caller: Person | None) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {caller.token}"} if caller else {}
