"""Vouchers in the back office: how often each is redeemed, terms, pauses and deletion."""

from datetime import UTC, datetime, timedelta

import pytest

from shop.domain.audit import AuditQuery
from shop.domain.errors import NotFound
from shop.domain.ports import Shop
from shop.domain.users import User
from shop.domain.vouchers import Voucher, VoucherKind, VoucherTerms
from shop.services.audit import audit_list
from shop.services.vouchers import voucher_create
from tests.fakes import FakeStore
from tests.samples import a_request
from tests.unit.office.browser import OfficeBrowser

LIST, CREATE = "/office/vouchers/", "/office/vouchers/new/"
NEW = {"code": "spring-10", "kind": "percent", "value": "10", "limit": "50"}
DAY = timedelta(days=1)


def page_of(voucher: Voucher, tail: str = "") -> str:
    return f"{LIST}{voucher.code}/{tail}"


def made(shop: Shop, code: str = "SPRING", **terms: object) -> Voucher:
    values = {"kind": VoucherKind.PERCENT, "value": 1000, **terms}
    return voucher_create(shop=shop, request=a_request(), code=code, terms=VoucherTerms(**values)).value


def recorded(shop: Shop, operation: str) -> list[str]:
    """The actors of the entries of this operation in the audit."""
    found = audit_list(shop=shop, query=AuditQuery(operation=operation), size=10, position=None)
    return [entry.actor for entry in found.results]


@pytest.fixture
def spring(shop: Shop) -> Voucher:
    return made(shop)


def test_the_list_has_what_each_voucher_takes_off_and_how_often_it_is_redeemed(office: OfficeBrowser, shop: Shop):
    made(shop, "TENTH", limit=50)
    made(shop, "FIVER", kind=VoucherKind.AMOUNT, value=500, currency="EUR", minimum=2000)
    made(shop, "SHIPFREE", kind=VoucherKind.SHIPPING, value=0)
    text = office.text(LIST)
    for part in ("10.00 %", "0 of 50", "5.00 EUR", "from 20.00 EUR", "The shipping"):
        assert part in text


@pytest.mark.parametrize(
    ("terms", "state"),
    [
        ({}, "Valid"),
        ({"ends_at": datetime(2001, 1, 1, tzinfo=UTC)}, "Ended"),
        ({"starts_at": datetime.now(UTC) + 400 * DAY}, "Not yet valid"),
    ],
)
def test_each_voucher_says_whether_it_is_valid(office: OfficeBrowser, shop: Shop, terms: dict[str, object], state: str):
    voucher = made(shop, **terms)
    assert f">{state}</span>" in office.text(LIST)
    assert f">{state}</span>" in office.text(page_of(voucher))


def test_staff_create_a_voucher_and_see_it(office: OfficeBrowser, shop: Shop, boss: User):
    response = office.submit(CREATE, **NEW, starts_at="2026-01-01T09:30", ends_at="2036-01-01T00:00:30")
    voucher = shop.vouchers.get("SPRING-10")
    assert response.headers["Location"] == f"{page_of(voucher)}?done=voucher-created"
    assert "The voucher is created." in office.text(response.headers["Location"])
    assert (voucher.value, voucher.limit, voucher.currency, voucher.minimum) == (1000, 50, None, None)
    assert voucher.starts_at == datetime(2026, 1, 1, 9, 30, tzinfo=UTC)
    assert voucher.ends_at == datetime(2036, 1, 1, 0, 0, 30, tzinfo=UTC)
    assert recorded(shop, "vouchers_create") == [boss.id]


def test_a_form_that_is_sent_twice_creates_one_voucher(office: OfficeBrowser, store: FakeStore):
    form = {**office.form(CREATE), **NEW}
    first, second = office.send(CREATE, form), office.send(CREATE, form)
    assert first.headers["Location"] == second.headers["Location"]
    assert len(store.vouchers) == 1


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("code", "a", "Use 3 to 32 of"),
        ("value", "101", "from 0.01 to 100"),
        ("value", "", "from 0.01 to 100"),
        ("minimum", "5", "Name the currency"),
        ("starts_at", "tomorrow", "Use an instant in UTC"),
        ("limit", "0", "Use a whole number from 1"),
        ("redeemed", "1", "No such field"),
    ],
)
def test_a_value_beyond_its_bounds_is_explained_and_what_was_sent_stays(
    office: OfficeBrowser, store: FakeStore, field: str, value: str, reason: str
):
    response = office.submit(CREATE, **{**NEW, field: value})
    text = response.content.decode()
    assert (response.status_code, reason in text, len(store.vouchers)) == (400, True, 0)
    assert field == "limit" or 'value="50"' in text


def test_a_code_that_is_taken_is_explained_at_its_field(office: OfficeBrowser, spring: Voucher):
    response = office.submit(CREATE, **{**NEW, "code": "Spring"})
    assert (response.status_code, "Another voucher has this code." in response.content.decode()) == (409, True)


def test_a_form_that_changes_nothing_leaves_every_term_as_it_was(office: OfficeBrowser, shop: Shop):
    at = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    voucher = made(
        shop, kind=VoucherKind.AMOUNT, value=500, currency="EUR", starts_at=at, ends_at=at + DAY, limit_per_customer=1
    )
    office.submit(page_of(voucher))
    saved = shop.vouchers.get(voucher.code)
    assert (saved.values(), saved.version) == (voucher.values(), 2)


def test_an_edit_saves_the_terms_and_is_recorded(office: OfficeBrowser, shop: Shop, spring: Voucher, boss: User):
    office.submit(page_of(spring), kind="amount", value="3", currency="EUR", limit="7")
    saved = shop.vouchers.get(spring.code)
    assert (saved.kind, saved.value, saved.currency, saved.limit) == (VoucherKind.AMOUNT, 300, "EUR", 7)
    assert recorded(shop, "vouchers_update") == [boss.id]


def test_a_stale_edit_is_refused_and_shows_both_values(
    office: OfficeBrowser, colleague: OfficeBrowser, shop: Shop, spring: Voucher
):
    form = office.form(page_of(spring))
    colleague.submit(page_of(spring), value="20")
    response = office.send(page_of(spring), {**form, "value": "30"})
    text = response.content.decode()
    assert (response.status_code, shop.vouchers.get(spring.code).value) == (412, 2000)
    assert ('value="30"' in text, 'present-value">20.00' in text) == (True, True)


def test_a_voucher_is_paused_and_resumed(office: OfficeBrowser, shop: Shop, spring: Voucher, boss: User):
    for verb, title in (("pause", "Paused"), ("resume", "Valid")):
        action = page_of(spring, f"{verb}/")
        response = office.send(action, office.form(page_of(spring), action))
        assert f">{title}</span>" in office.text(response.headers["Location"])
        assert shop.vouchers.get(spring.code).is_paused is (verb == "pause")
        assert recorded(shop, f"vouchers_{verb}") == [boss.id]


def test_a_voucher_is_deleted_after_a_question(office: OfficeBrowser, shop: Shop, spring: Voucher, boss: User):
    response = office.submit(page_of(spring, "delete/"))
    assert response.headers["Location"] == f"{LIST}?done=voucher-deleted"
    with pytest.raises(NotFound):
        shop.vouchers.get(spring.code)
    assert recorded(shop, "vouchers_destroy") == [boss.id]


def test_a_voucher_that_was_edited_meanwhile_is_not_deleted(
    office: OfficeBrowser, colleague: OfficeBrowser, shop: Shop, spring: Voucher
):
    form = office.form(page_of(spring, "delete/"))
    colleague.submit(page_of(spring), value="20")
    assert office.send(page_of(spring, "delete/"), form).status_code == 412
    assert shop.vouchers.get(spring.code).value == 2000


def test_the_history_of_a_voucher_says_who_did_what(office: OfficeBrowser, spring: Voucher):
    office.submit(page_of(spring), value="20")
    assert "vouchers_update" in office.text(page_of(spring, "history/"))


@pytest.mark.parametrize("tail", ["", "pause/", "delete/"])
def test_no_customer_does_anything_to_a_voucher(shopper: OfficeBrowser, shop: Shop, spring: Voucher, tail: str):
    response = shopper.send(page_of(spring, tail), {})
    assert (response.status_code, shop.vouchers.get(spring.code).version) == (403, 1)


def test_a_voucher_that_is_not_there_is_a_page_that_says_so(office: OfficeBrowser):
    assert office.get(f"{LIST}UNKNOWN/").status_code == 404


def test_a_list_beyond_its_bounds_is_refused_with_a_reason(office: OfficeBrowser, spring: Voucher):
    response = office.get(f"{LIST}?page_size=0")
    assert (response.status_code, spring.code in response.content.decode()) == (400, False)
