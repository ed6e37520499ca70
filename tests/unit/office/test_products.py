"""Products in the back office: search, edits, creation, withdrawal and history."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.test import override_settings

from configuration.rates import Rate
from exactly_once.errors import OutcomeUnknown, StoreUnavailable
from shop.domain.audit import AuditQuery
from shop.domain.errors import NotFound
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.products import Product, ProductDocument
from shop.domain.users import User
from shop.services import products as services
from shop.services.audit import audit_list
from tests.fakes import FakeStore
from tests.samples import in_catalogue
from tests.unit.office.browser import HTMX, OfficeBrowser

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

HOSTILE = "<script>alert(1)</script>\"' onmouseover=x"
NEW = {"sku": "PEAR", "name": "Pear", "price": "1.20", "currency": "EUR", "stock": "4", "category": "Fruit"}
LIST, CREATE = "/office/products/", "/office/products/new/"


def page_of(product: Product, tail: str = "") -> str:
    return f"/office/products/{product.id}/{tail}"


def recorded(shop: Shop, operation: str) -> list[str]:
    """The actors of the entries of this operation in the audit."""
    found = audit_list(shop=shop, query=AuditQuery(operation=operation), size=10, position=None)
    return [entry.actor for entry in found.results]


def test_products_are_searched_by_the_filters_of_the_api(office: OfficeBrowser, shop: Shop):
    for name, units in (("Blood orange", 3), ("Navel orange", 0), ("Lime", 3)):
        in_catalogue(shop, name=name, stock=units)
    text = office.text(f"{LIST}?search=orange&in_stock=true&category=&min_price=&ordering=name")
    assert [name in text for name in ("Blood orange", "Navel orange", "Lime")] == [True, False, False]


def test_htmx_gets_the_results_alone(office: OfficeBrowser, apple: Product):
    fragment = office.get(f"{LIST}?search=granny", **HTMX).content.decode()
    assert (apple.sku in fragment, "<html" in fragment, "<form" in fragment) == (True, False, False)


def test_a_page_that_the_history_restores_is_whole(office: OfficeBrowser, apple: Product):
    restored = office.get(LIST, **HTMX, HX_History_Restore_Request="true").content.decode()
    assert "<html" in restored


def test_pages_follow_each_other_by_cursor(office: OfficeBrowser, shop: Shop):
    for number in range(3):
        in_catalogue(shop, sku=f"SKU-{number}", name=f"Product {number}")
    first = office.text(f"{LIST}?page_size=2&ordering=name")
    following = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = office.text(following.removeprefix("http://testserver"))
    assert ["Product 2" in first, "Product 2" in second, 'rel="prev"' in second] == [False, True, True]


def test_an_empty_page_of_a_search_that_goes_on_leads_on(office: OfficeBrowser, monkeypatch: pytest.MonkeyPatch):
    cut: Page[ProductDocument] = Page(results=[], next=Position(key="b"), previous=None)
    monkeypatch.setattr(services, "product_list", lambda **_: cut)
    text = office.text(f"{LIST}?search=rare&ordering=name")
    assert ["go on to the next one" in text, 'rel="next"' in text] == [True, True]


@pytest.mark.parametrize(
    "query",
    [
        "search=" + "a" * 201,
        "search=%2D",
        "search=a&search=b",
        "in_stock=perhaps",
        "min_price=cheap",
        "ordering=colour",
        "page_size=101",
        "page_size=0",
        "cursor=forged",
        "unknown=1",
    ],
)
def test_a_query_beyond_its_bounds_is_refused_with_a_reason(office: OfficeBrowser, apple: Product, query: str):
    response = office.get(f"{LIST}?{query}")
    assert response.status_code == 400
    assert "alert-bad" in response.content.decode()
    assert apple.sku not in response.content.decode()


def test_a_hostile_name_is_text_on_every_page(office: OfficeBrowser, shop: Shop):
    product = in_catalogue(shop, name=HOSTILE, category=HOSTILE, description=HOSTILE)
    for path in (LIST, *(page_of(product, tail) for tail in ("", "stock/", "withdraw/", "history/"))):
        text = office.text(path)
        assert ("<script>alert" in text, "\"' onmouseover" in text) == (False, False)


def test_a_hostile_query_is_text(office: OfficeBrowser):
    text = office.get(f'{LIST}?search="><script>alert(1)</script>&category="><script>').content.decode()
    assert "<script>" not in text


def test_staff_create_a_product_and_see_it(office: OfficeBrowser, shop: Shop, boss: User):
    response = office.submit(CREATE, **NEW)
    product = shop.products.get_by_sku("PEAR")
    assert response.headers["Location"] == f"{page_of(product)}?done=product-created"
    assert "The product is created." in office.text(response.headers["Location"])
    assert (product.name, str(product.price), product.stock) == ("Pear", "1.20", 4)
    assert recorded(shop, "products_create") == [boss.id]


def test_a_form_that_is_sent_twice_creates_one_product(office: OfficeBrowser, store: FakeStore):
    form = {**office.form(CREATE), **NEW}
    first, second = office.send(CREATE, form), office.send(CREATE, form)
    assert first.headers["Location"] == second.headers["Location"]
    assert len(store.products) == 1


def test_a_form_without_its_key_is_refused(office: OfficeBrowser, store: FakeStore):
    response = office.submit(CREATE, **NEW, idempotency_key="")
    assert (response.status_code, len(store.products)) == (400, 0)


def test_a_key_that_another_form_has_used_is_refused(office: OfficeBrowser, store: FakeStore):
    form = {**office.form(CREATE), **NEW}
    office.send(CREATE, form)
    response = office.send(CREATE, {**form, "sku": "QUINCE"})
    assert (response.status_code, len(store.products)) == (422, 1)
    assert "This form was sent before with other values" in response.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", "", "blank"),
        ("name", "x" * 201, "at most 200 characters"),
        ("description", "x" * 10_001, "at most 10000 characters"),
        ("price", "cheap", "Use a decimal string"),
        ("price", "1.234", "decimals"),
        ("currency", "XXX", "not a valid choice"),
        ("stock", "-1", "Use a whole number from 0"),
        ("stock", str(2**31), "Use a whole number from 0"),
        ("sku", "a b", "Use 1 to 64 of"),
        ("date_manufactured", "yesterday", "Use a date"),
        ("version_of_mine", "1", "No such field"),
    ],
)
def test_a_value_beyond_its_bounds_is_explained_and_what_was_sent_stays(
    office: OfficeBrowser, store: FakeStore, field: str, value: str, reason: str
):
    response = office.submit(CREATE, **{**NEW, field: value})
    text = response.content.decode()
    assert (response.status_code, reason in text, len(store.products)) == (400, True, 0)
    assert field == "category" or 'value="Fruit"' in text


def test_a_sku_that_is_taken_is_explained_at_its_field(office: OfficeBrowser, apple: Product):
    response = office.submit(CREATE, **{**NEW, "sku": apple.sku})
    assert (response.status_code, "Another product of the catalogue has this SKU" in response.content.decode()) == (
        409,
        True,
    )


def test_an_edit_saves_every_field_and_is_recorded(office: OfficeBrowser, shop: Shop, apple: Product, boss: User):
    changes = {"name": "Pear", "description": "Sweet.\r\nSoft.", "price": "3", "company": "", "currency": "USD"}
    response = office.submit(page_of(apple), **changes)
    saved = shop.products.get(apple.id)
    assert response.headers["Location"] == f"{page_of(apple)}?done=product-updated"
    assert (saved.name, saved.description, str(saved.price), saved.company) == ("Pear", "Sweet.\nSoft.", "3.00", "")
    assert (saved.sku, saved.stock, saved.version) == (apple.sku, apple.stock, 2)
    assert recorded(shop, "products_update") == [boss.id]


def test_a_form_that_changes_nothing_leaves_every_field_as_it_was(office: OfficeBrowser, shop: Shop):
    product = in_catalogue(shop, description="Two\nlines.", date_manufactured=None)
    office.submit(page_of(product))
    saved = shop.products.get(product.id)
    assert replace(saved, version=1, updated_at=product.updated_at) == product


def test_a_stale_edit_is_refused_and_shows_both_values(
    office: OfficeBrowser, colleague: OfficeBrowser, shop: Shop, apple: Product
):
    form = office.form(page_of(apple))
    colleague.submit(page_of(apple), name="Of a colleague", price="2.50")
    response = office.send(page_of(apple), {**form, "name": "Mine"})
    text = response.content.decode()
    assert (response.status_code, shop.products.get(apple.id).name) == (412, "Of a colleague")
    assert ('value="Mine"' in text, 'present-value">Of a colleague' in text, 'present-value">2.50' in text) == (
        True,
        True,
        True,
    )


def test_a_stale_edit_that_is_sent_again_replaces_the_other_one(
    office: OfficeBrowser, colleague: OfficeBrowser, shop: Shop, apple: Product
):
    form = office.form(page_of(apple))
    colleague.submit(page_of(apple), name="Of a colleague")
    response = office.send(page_of(apple), {**form, "name": "Mine"})
    again = office.forms_of(response)[page_of(apple)]
    assert (again["version"], again["name"]) == ("2", "Mine")
    office.send(page_of(apple), again)
    assert shop.products.get(apple.id).name == "Mine"


@pytest.mark.parametrize("version", ["", "0", "-1", "1.5", "9" * 20])
def test_a_form_without_its_version_changes_nothing(office: OfficeBrowser, shop: Shop, apple: Product, version: str):
    response = office.submit(page_of(apple), name="Mine", version=version)
    assert (response.status_code, shop.products.get(apple.id).name) == (412, apple.name)


def test_a_sale_between_reading_and_saving_is_no_stale_edit(office: OfficeBrowser, shop: Shop, apple: Product):
    form = office.form(page_of(apple))
    office.submit(page_of(apple, "stock/"), mode="remove", units="1", reason="A sale.")
    assert office.send(page_of(apple), {**form, "name": "Mine"}).status_code == 302


@pytest.mark.parametrize("field", ["sku", "stock", "is_sold", "id", "created_at"])
def test_what_an_edit_cannot_change_is_no_field_of_the_form(
    office: OfficeBrowser, shop: Shop, apple: Product, field: str
):
    response = office.submit(page_of(apple), **{field: "1"})
    assert (response.status_code, shop.products.get(apple.id).version) == (400, 1)


def test_a_product_is_withdrawn_after_a_question(office: OfficeBrowser, shop: Shop, apple: Product, boss: User):
    response = office.submit(page_of(apple, "withdraw/"))
    assert response.headers["Location"] == f"{LIST}?done=product-withdrawn"
    with pytest.raises(NotFound):
        shop.products.get(apple.id)
    assert recorded(shop, "products_destroy") == [boss.id]


def test_a_product_that_was_edited_meanwhile_is_not_withdrawn(
    office: OfficeBrowser, colleague: OfficeBrowser, shop: Shop, apple: Product
):
    form = office.form(page_of(apple, "withdraw/"))
    colleague.submit(page_of(apple), name="Pear")
    response = office.send(page_of(apple, "withdraw/"), form)
    assert (response.status_code, shop.products.get(apple.id).name) == (412, "Pear")
    assert "edited meanwhile" in response.content.decode()


def test_a_withdrawn_product_is_not_found_and_has_a_history(office: OfficeBrowser, apple: Product):
    office.submit(page_of(apple, "withdraw/"))
    assert office.get(page_of(apple)).status_code == 404
    assert "products_destroy" in office.text(page_of(apple, "history/"))


def test_the_history_names_fields_and_both_values(office: OfficeBrowser, apple: Product):
    office.submit(page_of(apple), name="Pear")
    history = office.get(page_of(apple, "history/?page_size=5"), **HTMX).content.decode()
    assert ("<html" in history, f"<del>{apple.name}</del>" in history, "<ins>Pear</ins>" in history) == (
        False,
        True,
        True,
    )


@pytest.mark.parametrize("name", ["CALLER_READS", "CALLER_WRITES"])
def test_the_rate_limits_of_the_api_hold_here(office: OfficeBrowser, store: FakeStore, apple: Product, name: str):
    form = office.form(page_of(apple))
    # The page of the form has counted too, for a few milliseconds.
    store.seconds = lambda: time.time() + 60

    def request(key: str) -> "Response":
        if name == "CALLER_READS":
            return office.get(LIST)
        return office.send(page_of(apple), {**form, "idempotency_key": key})

    with override_settings(**{f"EVERGREEN_{name}": Rate(1, "h", 1)}):
        admitted, response = request("key-0"), request("key-1")
    assert admitted.status_code in (200, 302), admitted.content
    assert (response.status_code, "Too many requests" in response.content.decode()) == (429, True), response.headers
    assert int(response.headers["Retry-After"]) > 0


def test_a_store_that_does_not_answer_is_a_page_that_says_so(office: OfficeBrowser, store: FakeStore):
    store.unavailable = StoreUnavailable()
    response = office.get(LIST)
    assert (response.status_code, "Nothing was changed" in response.content.decode()) == (503, True)


def test_a_write_without_a_confirmed_outcome_can_be_sent_again_by_a_reload(
    office: OfficeBrowser, store: FakeStore, shop: Shop, apple: Product
):
    form = {**office.form(page_of(apple)), "name": "Pear"}
    store.unavailable = OutcomeUnknown()
    response = office.send(page_of(apple), form)
    assert (response.status_code, "reload this page" in response.content.decode()) == (503, True)
    store.unavailable = None
    assert office.send(page_of(apple), form).status_code == 302
    assert shop.products.get(apple.id).name == "Pear"
