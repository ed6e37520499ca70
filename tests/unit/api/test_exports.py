"""The export of one's own data over HTTP."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from django.test import Client

from exactly_once.errors import StoreUnavailable
from shop import bootstrap
from shop.api import exports
from shop.api.rendering import as_json
from shop.concurrency import Overloaded
from shop.domain.audit import AuditEntry, AuditQuery
from shop.domain.errors import NotFound
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Purchase, PurchaseQuery
from shop.domain.users import User
from shop.services.exports import EXPORT_PAGE_SIZE
from tests.fakes import FakeMailer, FakeStore
from tests.fakes.audit import FakeAudit
from tests.fakes.purchases import FakePurchases
from tests.samples import PASSWORD, a_request, a_return, in_catalogue, placed, registered, units
from tests.unit.api.client import ApiClient, problem
from tests.unit.api.schema import body_of

PATH = "/users/me/export/"
MANY = 5_000
#: The document of so many purchases is over 2 MB, and a page of them 25 kB.
MAX_PEAK_BYTES = 400_000


def export(client: ApiClient) -> dict[str, Any]:
    return orjson.loads(body_of(client.get(PATH)))


def streamed(user: User) -> Any:
    """A response that nothing has read yet."""
    credentials = {"email": user.email, "password": PASSWORD}
    token = Client().post("/api/v1/auth/token/", credentials, content_type="application/json").json()["token"]
    return Client(headers={"Authorization": f"Bearer {token}"}).get(f"/api/v1{PATH}")


def with_purchases(shop: Shop, user: User, count: int) -> list[str]:
    product = in_catalogue(shop, stock=count)
    return [placed(shop, user.id, units(product, 1)).id for _ in range(count)]


@pytest.fixture
def other(shop: Shop, apple: Product) -> User:
    """Another user, who bought something too."""
    user = registered(shop, email="eve@example.com")
    placed(shop, user.id, units(apple, 1))
    return user


def test_an_export_has_the_returns_of_the_caller(customer: ApiClient, ada: User, shop: Shop, apple: Product):
    a_return(shop, placed(shop, registered(shop).id, units(apple, 1)))
    found = a_return(shop, placed(shop, ada.id, units(apple, 1)))
    assert export(customer)["returns"] == [customer.get(f"/returns/{found.id}/").json()]


def test_an_export_has_all_that_is_held_about_the_caller_and_nothing_of_others(
    customer: ApiClient, ada: User, shop: Shop, other: User
):
    bought = with_purchases(shop, ada, 2 * EXPORT_PAGE_SIZE + 1)
    document = export(customer)
    assert document["user"] == customer.get("/users/me/").json()
    assert document["sessions"] == customer.get("/auth/sessions/").json()["results"]
    assert [each["id"] for each in document["purchases"]] == bought
    assert document["purchases"][0] == customer.get(f"/purchases/{bought[0]}/").json()
    assert len(document["recorded_outcomes"]) == len(bought) + 1
    assert document["complete"] is True
    assert other.id not in orjson.dumps(document).decode()


def test_an_export_has_the_networks_of_sign_ins_and_pending_resets(
    customer: ApiClient, ada: User, store: FakeStore, mailer: FakeMailer
):
    mailer.is_on = True
    assert customer.post("/auth/password-reset/", {"email": ada.email}).status_code == 202
    document = export(customer)
    ((network, last),) = store.networks[ada.id].items()
    assert document["sign_in_networks"] == orjson.loads(as_json([{"network": network, "last_sign_in_at": last}]))
    (expires_at,) = store.resets[ada.id].values()
    assert document["password_resets"] == orjson.loads(as_json([{"expires_at": expires_at}]))
    assert not any(digest in orjson.dumps(document).decode() for digest in store.resets[ada.id])


def test_an_export_has_the_audit_of_the_caller_and_about_the_caller(
    customer: ApiClient, staff: ApiClient, ada: User, boss: User, other: User
):
    headers = {"headers": {"Idempotency-Key": "a key"}}
    assert customer.patch(f"/users/{ada.id}/", {"first_name": "Augusta"}, **headers).status_code == 200
    assert staff.patch(f"/users/{ada.id}/", {"last_name": "King"}).status_code == 200
    assert staff.patch(f"/users/{other.id}/", {"last_name": "King"}).status_code == 200
    about_staff, own, *_ = export(customer)["audit"]
    assert (own["actor"], own["object"], own["network"]) == (ada.id, f"user:{ada.id}", "127.0.0.0/24")
    assert (about_staff["actor"], about_staff["object"], about_staff["network"]) == (boss.id, f"user:{ada.id}", None)
    assert other.id not in orjson.dumps(export(customer)).decode()


def test_an_export_of_an_entry_with_an_empty_text_and_one_of_two_lines_is_as_documented(
    staff: ApiClient, apple: Product
):
    change = {"category": "", "description": "One line\nand another"}
    assert staff.patch(f"/products/{apple.id}/", change).status_code == 200
    after = {change["field"]: change["after"] for change in export(staff)["audit"][0]["changes"]}
    assert after == change


class SparseAudit(FakeAudit):
    """An audit of which each page but the last is empty, as a long one is where others have written."""

    def __init__(self, entry: AuditEntry, empty_pages: int) -> None:
        self._entry, self._empty_pages = entry, empty_pages

    def page(self, query: AuditQuery, size: int, position: Position | None) -> Page[AuditEntry]:
        number = int(position.key) if position else 0
        if number == self._empty_pages:
            return Page(results=[self._entry], next=None, previous=None)
        return Page(results=[], next=Position(key=str(number + 1)), previous=None)


def test_an_export_searches_a_long_audit_in_many_turns(
    ada: User, shop: Shop, store: FakeStore, monkeypatch: pytest.MonkeyPatch
):
    response = streamed(ada)
    response.close()
    monkeypatch.setattr(bootstrap, "get_shop", lambda: replace(shop, audit=SparseAudit(store.audit[-1], 20)))
    turns = 0

    class Counted:
        @contextmanager
        def acquired(self, timeout_s: float) -> Iterator[None]:
            nonlocal turns
            turns += 1
            yield

    monkeypatch.setattr(exports, "REQUESTS", Counted())
    parts = list(streamed(ada).streaming_content)
    assert all(parts)
    assert [entry["operation"] for entry in orjson.loads(b"".join(parts))["audit"]] == [store.audit[-1].operation]
    assert turns > 20


def test_staff_export_their_own_purchases_alone(staff: ApiClient, other: User):
    assert export(staff)["purchases"] == []


def test_an_export_without_purchases_is_whole(customer: ApiClient):
    document = export(customer)
    assert document["purchases"] == [] and document["complete"] is True


def test_no_secret_is_in_an_export(customer: ApiClient, ada: User, store: FakeStore):
    text = orjson.dumps(export(customer)).decode()
    assert [secret for secret in (store.password_hashes[ada.id], *store.tokens) if secret in text] == []


def test_an_export_is_a_file_that_no_cache_stores(customer: ApiClient):
    headers = customer.get(PATH).headers
    assert headers["Content-Disposition"] == 'attachment; filename="evergreen-export.json"'
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("application/json", "no-store")


def test_head_has_no_body(ada: User):
    credentials = {"email": ada.email, "password": PASSWORD}
    token = Client().post("/api/v1/auth/token/", credentials, content_type="application/json").json()["token"]
    response = Client(headers={"Authorization": f"Bearer {token}"}).head(f"/api/v1{PATH}")
    assert (response.status_code, body_of(response)) == (200, b"")


def test_an_export_that_fails_at_once_is_a_problem_and_the_next_one_succeeds(
    customer: ApiClient, monkeypatch: pytest.MonkeyPatch
):
    def fail(**_: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(exports, "user_get", fail)
        assert problem(customer.get(PATH)) == (503, "store-unavailable")
    assert export(customer)["complete"] is True


def test_an_export_that_fails_in_its_midst_ends_as_json_that_is_not_whole(ada: User, shop: Shop, store: FakeStore):
    with_purchases(shop, ada, 2 * EXPORT_PAGE_SIZE)
    response = streamed(ada)
    parts = iter(response.streaming_content)
    received = [next(parts), next(parts)]
    store.unavailable = StoreUnavailable()
    with pytest.raises(StoreUnavailable):
        received.extend(parts)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(b"".join(received))
    assert b"complete" not in b"".join(received)


def test_an_export_of_a_user_who_is_erased_meanwhile_is_not_complete(ada: User, shop: Shop):
    with_purchases(shop, ada, 2 * EXPORT_PAGE_SIZE)
    parts = iter(streamed(ada).streaming_content)
    received = [next(parts)]
    shop.users.delete(a_request(), ada.id, None)
    with pytest.raises(NotFound):
        received.extend(parts)
    assert b"complete" not in b"".join(received)


def test_an_overloaded_process_ends_an_export(ada: User, monkeypatch: pytest.MonkeyPatch):
    class Full:
        def acquired(self, timeout_s: float) -> None:
            raise Overloaded

    monkeypatch.setattr(exports, "REQUESTS", Full())
    with pytest.raises(Overloaded):
        list(streamed(ada).streaming_content)


def test_an_export_that_takes_too_long_is_ended(ada: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exports, "MAX_EXPORT_S", -1.0)
    with pytest.raises(exports.ExportTimedOut):
        list(streamed(ada).streaming_content)


def test_a_user_has_one_export_at_a_time_in_a_process(ada: User, customer: ApiClient, staff: ApiClient):
    running = streamed(ada)
    assert problem(customer.get(PATH)) == (503, "store-unavailable")
    assert staff.get(PATH).status_code == 200
    assert orjson.loads(body_of(running))["complete"] is True
    assert export(customer)["complete"] is True
    abandoned = streamed(ada)
    abandoned.close()
    next_one = streamed(ada)
    running.close()
    assert problem(customer.get(PATH)) == (503, "store-unavailable")
    next_one.close()
    assert export(customer)["complete"] is True


def test_the_exports_of_a_process_are_limited(ada: User, customer: ApiClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exports, "MAX_EXPORTS", 0)
    assert problem(customer.get(PATH)) == (503, "store-unavailable")


class Copies(FakePurchases):
    """Purchases of which each page is made when it is read."""

    def __init__(self, purchase: Purchase, count: int) -> None:
        self._purchase, self._count = purchase, count

    def page(self, query: PurchaseQuery, size: int, position: Position | None) -> Page[Purchase]:
        first = int(position.key) if position else 0
        last = min(first + size, self._count)
        copies = [replace(self._purchase, id=f"{self._purchase.id[:-8]}{number:08}") for number in range(first, last)]
        return Page(results=copies, next=Position(key=str(last)) if last < self._count else None, previous=None)


def test_an_export_of_many_purchases_takes_bounded_memory(ada: User, shop: Shop, monkeypatch: pytest.MonkeyPatch):
    (bought,) = with_purchases(shop, ada, 1)
    copies = Copies(shop.purchases.get(bought, None), MANY)
    monkeypatch.setattr(bootstrap, "get_shop", lambda: replace(shop, purchases=copies))
    response = streamed(ada)
    tracemalloc.start()
    try:
        size = sum(map(len, response.streaming_content))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 5 * MAX_PEAK_BYTES
    assert peak < MAX_PEAK_BYTES
