"""Purchases in the back office: found by status, buyer and day, and moved on, each move once."""

from dataclasses import replace

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Purchase, Status
from shop.domain.users import User
from tests.fakes import FakeStore
from tests.samples import a_request, placed, units
from tests.unit.office.browser import HTMX, OfficeBrowser

PURCHASES = "/office/purchases/"


@pytest.fixture
def bought(shop: Shop, ada: User, apple: Product) -> Purchase:
    return placed(shop, ada.id, units(apple, 2))


def path_of(purchase: Purchase, move: str = "") -> str:
    return f"{PURCHASES}{purchase.id}/{move}/" if move else f"{PURCHASES}{purchase.id}/"


def status_of(shop: Shop, purchase: Purchase) -> Status:
    return shop.purchases.get(purchase.id, None).status


def move(shop: Shop, purchase: Purchase, target: Status, by: str = "a-colleague") -> None:
    caller = Caller(id=by, role=Role.STAFF, token="")
    shop.purchases.move(a_request(), purchase.id, target, by=caller, restock=False, at=shop.clock.now())


def test_the_list_leads_to_each_purchase(office: OfficeBrowser, bought: Purchase):
    page = office.text(PURCHASES)
    assert f'href="{path_of(bought)}"' in page
    assert "Granny Smith" in page
    assert "2.40 EUR" in page


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("status=placed", True),
        ("status=shipped", False),
        ("since=2026-11-01&until=2026-11-01", True),
        ("since=2026-11-02", False),
        ("until=2026-10-31", False),
        ("status=&user=&since=&until=", True),
    ],
)
def test_the_list_is_filtered_by_status_and_day(office: OfficeBrowser, bought: Purchase, query: str, is_found: bool):
    page = office.text(f"{PURCHASES}?{query}")
    assert (path_of(bought) in page) is is_found


def test_the_list_is_filtered_by_buyer(office: OfficeBrowser, bought: Purchase, ada: User, boss: User):
    assert path_of(bought) in office.text(f"{PURCHASES}?user={ada.id}")
    assert path_of(bought) not in office.text(f"{PURCHASES}?user={boss.id}")


@pytest.mark.parametrize(
    "query",
    [
        "status=lost",
        "since=yesterday",
        "until=9999-12-31",
        "since=1969-12-31",
        "since=2026-02-30",
        "colour=red",
        "page_size=101",
    ],
)
def test_a_filter_that_cannot_be_used_is_named(office: OfficeBrowser, query: str):
    response = office.get(f"{PURCHASES}?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in response.content.decode()


def test_pages_lead_to_the_next_ones(office: OfficeBrowser, shop: Shop, ada: User, apple: Product):
    bought = [placed(shop, ada.id, units(apple, 1)) for _ in range(3)]
    page = office.text(f"{PURCHASES}?page_size=2")
    assert path_of(bought[0]) not in page
    assert 'rel="next"' in page


def test_htmx_gets_the_results_alone(office: OfficeBrowser, bought: Purchase):
    page = office.get(PURCHASES, **HTMX).content.decode()
    assert path_of(bought) in page
    assert "<html" not in page


def test_a_purchase_has_its_lines_its_buyer_and_its_history(
    office: OfficeBrowser, bought: Purchase, apple: Product, ada: User
):
    page = office.text(path_of(bought))
    for text in (f"/office/products/{apple.id}/", ada.email, f"/office/users/{ada.id}/", "2.40", "the buyer"):
        assert text in page


def test_a_purchase_of_an_erased_buyer_is_shown(office: OfficeBrowser, bought: Purchase, shop: Shop, ada: User):
    shop.users.delete(a_request(), ada.id, None)
    page = office.text(path_of(bought))
    assert ada.email not in page
    assert "erased" in page


def test_a_purchase_that_is_not_there_is_a_page_of_its_own(office: OfficeBrowser):
    response = office.get(f"{PURCHASES}00000000-0000-7000-8000-000000000000/")
    assert response.status_code == 404


@pytest.mark.parametrize(
    ("before", "name", "after"),
    [
        ((), "pay", Status.PAID),
        ((Status.PAID,), "ship", Status.SHIPPED),
        ((Status.PAID, Status.SHIPPED), "deliver", Status.DELIVERED),
        ((), "cancel", Status.CANCELLED),
    ],
)
def test_a_move_is_made_once_and_recorded(
    office: OfficeBrowser, shop: Shop, store: FakeStore, bought: Purchase, boss: User, before, name, after
):
    for status in before:
        move(shop, bought, status)
    assert path_of(bought, name) in office.text(path_of(bought))
    form = office.form(path_of(bought, name))
    for _ in range(2):
        response = office.send(path_of(bought, name), form)
        assert response.headers["Location"] == f"{path_of(bought)}?done=purchase-{after}"
    assert status_of(shop, bought) is after
    (entry,) = [entry for entry in store.audit if entry.operation == f"purchases_{name}"]
    assert (entry.actor, entry.object) == (boss.id, f"purchase:{bought.id}")
    assert "by you" in office.text(path_of(bought))


def test_a_cancelled_purchase_returns_its_units(office: OfficeBrowser, shop: Shop, bought: Purchase, apple: Product):
    office.submit(path_of(bought, "cancel"))
    assert shop.products.get(apple.id).stock == 10


@pytest.mark.parametrize(("restock", "stock"), [("true", 10), ("false", 8)])
def test_a_refund_returns_units_where_that_is_chosen(
    office: OfficeBrowser, shop: Shop, bought: Purchase, apple: Product, restock: str, stock: int
):
    move(shop, bought, Status.PAID)
    response = office.submit(path_of(bought, "refund"), restock=restock)
    assert response.status_code == 302
    assert (status_of(shop, bought), shop.products.get(apple.id).stock) == (Status.REFUNDED, stock)


def test_a_refund_without_a_choice_is_asked_for_again(office: OfficeBrowser, shop: Shop, bought: Purchase):
    move(shop, bought, Status.PAID)
    form = office.form(path_of(bought, "refund"))
    del form["restock"]
    response = office.send(path_of(bought, "refund"), form)
    assert response.status_code == 400
    assert "Restock" in response.content.decode()
    assert status_of(shop, bought) is Status.PAID


def test_a_move_that_came_too_late_says_so_and_changes_nothing(office: OfficeBrowser, shop: Shop, bought: Purchase):
    form = office.form(path_of(bought, "cancel"))
    move(shop, bought, Status.PAID)
    move(shop, bought, Status.SHIPPED)
    response = office.send(path_of(bought, "cancel"), form)
    assert response.status_code == 409
    page = response.content.decode()
    assert "The purchase is shipped by now." in page
    assert path_of(bought, "deliver") in page
    assert status_of(shop, bought) is Status.SHIPPED


def test_the_form_of_a_move_that_is_not_possible_is_not_shown(office: OfficeBrowser, shop: Shop, bought: Purchase):
    response = office.get(path_of(bought, "ship"))
    assert response.status_code == 409
    assert "is not possible from there" in response.content.decode()


def test_a_purchase_at_its_end_offers_no_move(office: OfficeBrowser, shop: Shop, bought: Purchase):
    move(shop, bought, Status.CANCELLED)
    page = office.text(path_of(bought))
    assert "A purchase that is cancelled stays so." in page
    assert path_of(bought, "refund") not in page


def test_htmx_gets_the_form_of_a_move_in_the_place_of_the_buttons(office: OfficeBrowser, bought: Purchase):
    page = office.get(path_of(bought, "pay"), **HTMX).content.decode()
    assert f'action="{path_of(bought, "pay")}"' in page
    assert "<html" not in page
    back = office.get(path_of(bought), **HTMX).content.decode()
    assert path_of(bought, "pay") in back
    assert "<html" not in back


def test_a_customer_moves_nothing(shopper: OfficeBrowser, shop: Shop, bought: Purchase):
    response = shopper.send(path_of(bought, "pay"), {"idempotency_key": "key"})
    assert response.status_code == 403
    assert status_of(shop, bought) is Status.PLACED


def test_names_of_products_are_escaped(office: OfficeBrowser, shop: Shop, ada: User, apple: Product):
    tag = shop.products.update(a_request(), apple.id, lambda p: replace(p, name="<b>Bold</b>", version=2), None).value
    bought = placed(shop, ada.id, units(tag, 1))
    for path in (PURCHASES, path_of(bought)):
        assert "<b>Bold" not in office.text(path)


def test_what_the_audit_has_of_a_purchase_is_shown(office: OfficeBrowser, bought: Purchase):
    office.submit(path_of(bought, "pay"))
    assert "purchases_pay" in office.text(path_of(bought, "history"))
