"""The stock of a product in the back office."""

import pytest

from shop.domain.audit import AuditQuery
from shop.domain.ports import Shop
from shop.domain.products import MAX_UNITS, Product
from shop.domain.users import User
from shop.services.audit import audit_list
from shop.services.products import product_adjust_stock
from tests.samples import a_request, placed, units
from tests.unit.office.browser import HTMX, OfficeBrowser


def path_of(product: Product) -> str:
    return f"/office/products/{product.id}/stock/"


@pytest.mark.parametrize(("mode", "units", "after"), [("add", "5", 15), ("remove", "3", 7), ("set", "4", 4)])
def test_a_stock_is_changed_by_units_or_set(
    office: OfficeBrowser, shop: Shop, apple: Product, mode: str, units: str, after: int
):
    response = office.submit(path_of(apple), mode=mode, units=units, reason="Counted.")
    assert response.headers["Location"] == f"/office/products/{apple.id}/?done=stock-adjusted"
    assert shop.products.get(apple.id).stock == after
    found = audit_list(shop=shop, query=AuditQuery(operation="products_stock"), size=10, position=None)
    assert [entry.object for entry in found.results] == [f"product:{apple.id}"]


def test_a_form_that_is_sent_twice_changes_the_stock_once(office: OfficeBrowser, shop: Shop, apple: Product):
    form = {**office.form(path_of(apple)), "mode": "add", "units": "5", "reason": "A delivery."}
    first, second = (office.send(path_of(apple), form) for _ in range(2))
    assert (first.status_code, second.status_code, shop.products.get(apple.id).stock) == (302, 302, 15)


def test_a_stock_that_changed_since_it_was_shown_is_not_set(office: OfficeBrowser, shop: Shop, apple: Product):
    form = office.form(path_of(apple))
    product_adjust_stock(shop=shop, request=a_request(), id=apple.id, delta=-3, expected=None)
    response = office.send(path_of(apple), {**form, "mode": "set", "units": "20", "reason": "Counted."})
    assert (response.status_code, shop.products.get(apple.id).stock) == (409, 7)
    assert "is 7 now" in response.content.decode()
    assert office.forms_of(response)[path_of(apple)]["expected"] == "7"


def test_no_more_is_removed_than_there_is(office: OfficeBrowser, shop: Shop, apple: Product):
    response = office.submit(path_of(apple), mode="remove", units="11", reason="Broken.")
    assert (response.status_code, shop.products.get(apple.id).stock) == (409, 10)
    assert "Only 10 in stock" in response.content.decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"units": ""},
        {"units": "-1"},
        {"units": "1.5"},
        {"units": "\u0661"},
        {"units": str(MAX_UNITS + 1)},
        {"units": "9" * 30},
        {"units": str(MAX_UNITS)},
        {"reason": ""},
        {"reason": "x" * 501},
        {"mode": "double"},
        {"mode": "set", "expected": ""},
        {"mode": "set", "expected": "x"},
        {"delta": "5"},
    ],
)
def test_a_value_beyond_its_bounds_is_refused_with_a_reason(
    office: OfficeBrowser, shop: Shop, apple: Product, changes: dict[str, str]
):
    form = {"mode": "add", "units": "1", "reason": "Counted.", **changes}
    response = office.submit(path_of(apple), **form)
    assert (response.status_code, shop.products.get(apple.id).stock) == (400, 10)
    assert "error" in response.content.decode()


def test_htmx_gets_the_new_stock_and_a_message(office: OfficeBrowser, apple: Product):
    form = {**office.form(path_of(apple)), "mode": "add", "units": "5", "reason": "A delivery."}
    fragment = office.send(path_of(apple), form, **HTMX).content.decode()
    assert '<span class="units">15</span>' in fragment
    assert 'hx-swap-oob="innerHTML"' in fragment
    assert f"{apple.name}: 15 in stock now." in fragment
    assert ("<html" in fragment, "data-focus" in fragment) == (False, True)


def test_htmx_gets_the_form_again_where_it_is_refused(office: OfficeBrowser, apple: Product):
    form = {**office.form(path_of(apple)), "mode": "remove", "units": "11", "reason": "Broken."}
    response = office.send(path_of(apple), form, **HTMX)
    fragment = response.content.decode()
    assert (response.status_code, "<html" in fragment, 'value="Broken."' in fragment) == (409, False, True)


def test_cancelling_the_form_shows_the_stock(office: OfficeBrowser, apple: Product):
    fragment = office.get(f"{path_of(apple)}?form=no", **HTMX).content.decode()
    assert ("<form" in fragment, '<span class="units">10</span>' in fragment) == (False, True)


def test_an_error_of_htmx_is_a_message_that_leaves_the_page(office: OfficeBrowser):
    response = office.get("/office/products/00000000-0000-7000-8000-000000000000/stock/", **HTMX)
    assert (response.status_code, response.headers["HX-Retarget"]) == (404, "#messages")
    assert "<html" not in response.content.decode()


def test_the_movements_of_a_stock_name_the_purchase_and_who_changed_it(
    office: OfficeBrowser, shop: Shop, ada: User, apple: Product
):
    purchase = placed(shop, ada.id, units(apple, 2))
    office.submit(path_of(apple), mode="add", units="5", reason="A delivery.")
    text = office.text(f"/office/products/{apple.id}/movements/")
    assert [kind for kind in ("Adjustment", "Sale", "Opening") if kind in text] == ["Adjustment", "Sale", "Opening"]
    assert text.index("Adjustment") < text.index("Sale") < text.index("Opening")
    assert f'href="/office/purchases/{purchase.id}/"' in text
    assert [units in text for units in (">+5<", ">-2<", ">+10<", ">you<", ">buyer<")] == [True] * 5


def test_the_page_of_a_product_gets_the_last_movements_alone(office: OfficeBrowser, apple: Product):
    for _ in range(3):
        office.submit(path_of(apple), mode="add", units="1", reason="Found.")
    part = office.get(f"/office/products/{apple.id}/movements/?page_size=2", **HTMX).content.decode()
    assert ("<html" in part, part.count("<tr>"), "All movements" in part) == (False, 3, True)


def test_a_product_that_is_missing_has_no_movements(office: OfficeBrowser):
    assert office.get("/office/products/01900000-0000-7000-8000-000000000000/movements/").status_code == 404
