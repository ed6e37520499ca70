"""The audit in the back office: filtered, with links, and with how far its chain was checked."""

from datetime import UTC, datetime

import pytest

from shop.domain.audit import AuditChange, AuditEntry
from shop.domain.products import Product
from shop.domain.users import User
from shop.office.audit import operations
from tests.fakes import FakeStore
from tests.unit.office.browser import HTMX, OfficeBrowser

AUDIT = "/office/audit/"
BREAK = AuditChange(field="break", before=None, after="17 link")


def an_entry(store: FakeStore, **changes: object) -> AuditEntry:
    made = {
        "sequence": len(store.audit) + 1,
        "at": datetime(2026, 11, 1, 9, 30, tzinfo=UTC),
        "operation": "products_update",
        "actor": "system",
        "role": "operator",
        "network": "192.0.2.0/24",
        "object": "user:*",
        "changes": (AuditChange(field="name", before="Pear", after="<i>Apple</i>"),),
        "request_id": "a" * 32,
        **changes,
    }
    entry = AuditEntry(**made)
    store.audit.append(entry)
    return entry


def test_an_entry_says_who_did_what_to_what(office: OfficeBrowser, store: FakeStore, boss: User, apple: Product):
    an_entry(store, actor=boss.id, role="staff", object=f"product:{apple.id}")
    page = office.text(f"{AUDIT}?operation=products_update")
    for text in (
        "products_update",
        "you",
        f"/office/products/{apple.id}/",
        "192.0.2.0/24",
        "Pear",
        "2026-11-01 09:30:00",
    ):
        assert text in page
    assert "<i>Apple" not in page


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("operation=products_update", True),
        ("operation=products_create", False),
        ("actor=another-user", True),
        ("actor=another", False),
        ("object=user:7", True),
        ("object=user:8", False),
        ("since=2026-11-01&until=2026-11-01", True),
        ("since=2026-11-02", False),
        ("until=2026-10-31", False),
    ],
)
def test_entries_are_found_by_each_filter(office: OfficeBrowser, store: FakeStore, query: str, is_found: bool):
    an_entry(store, actor="another-user", object="user:7", network="203.0.113.0/24")
    assert ("203.0.113.0/24" in office.text(f"{AUDIT}?{query}")) is is_found


@pytest.mark.parametrize("query", ["since=today", "sequence=1", "page_size=0", f"actor={'x' * 201}"])
def test_a_filter_that_cannot_be_used_is_named(office: OfficeBrowser, query: str):
    response = office.get(f"{AUDIT}?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in response.content.decode()


def test_an_object_that_has_no_page_is_no_link(office: OfficeBrowser, store: FakeStore):
    an_entry(store, object="api_key:0190a0b0-0000-7000-8000-000000000000")
    an_entry(store, object="user:*")
    an_entry(store, object="product:../../login")
    assert office.get(AUDIT).status_code == 200


@pytest.mark.parametrize(
    ("changes", "text"),
    [((), "Chain checked up to entry 2"), ((BREAK,), "Chain broken at entry 17 link")],
)
def test_the_state_of_the_chain_is_that_of_the_last_checkpoint(office: OfficeBrowser, store: FakeStore, changes, text):
    an_entry(store, operation="audit_checkpoint", object="audit:journal", changes=changes)
    assert text in office.text(AUDIT)


def test_without_a_checkpoint_the_page_says_so(office: OfficeBrowser):
    assert "No checkpoint yet" in office.text(AUDIT)


def test_pages_lead_to_the_next_ones(office: OfficeBrowser, store: FakeStore):
    for _ in range(3):
        an_entry(store)
    assert 'rel="next"' in office.text(f"{AUDIT}?page_size=2")


def test_htmx_gets_the_results_alone(office: OfficeBrowser, store: FakeStore):
    an_entry(store)
    page = office.get(AUDIT, **HTMX).content.decode()
    assert "products_update" in page
    assert "<html" not in page


def test_every_operation_that_is_recorded_can_be_chosen():
    assert {"purchases_ship", "products_stock", "users_role", "sign_in_failure", "audit_checkpoint"} <= {*operations()}
    assert not {"products_list", "purchases_create", "office-purchases-ship_post"} & {*operations()}


def test_a_customer_sees_no_entry(shopper: OfficeBrowser):
    assert shopper.get(AUDIT).status_code == 403
