"""Shipping methods in the back office: prices, countries, activation and deletion."""

import pytest

from shop.domain.audit import AuditQuery
from shop.domain.errors import NotFound
from shop.domain.money import Money
from shop.domain.ports import Shop
from shop.domain.shipping_methods import MAX_SHIPPING_METHODS, ShippingMethod, ShippingMethodDetails
from shop.domain.users import User
from shop.services.audit import audit_list
from shop.services.shipping_methods import shipping_method_create
from tests.fakes import FakeStore
from tests.samples import a_request
from tests.unit.office.browser import OfficeBrowser

LIST, CREATE = "/office/shipping-methods/", "/office/new-shipping-method/"
NEW = {"code": "express", "name": "Express", "price": "9.90", "currency": "EUR", "countries": "DE, AT CH"}


def page_of(method: ShippingMethod, tail: str = "") -> str:
    return f"{LIST}{method.code}/{tail}"


def made(shop: Shop, code: str = "standard", **changes: object) -> ShippingMethod:
    values = {"name": "Standard", "price": Money(minor=490, currency="EUR"), "countries": (), "is_active": True}
    details = ShippingMethodDetails(**{**values, **changes})
    return shipping_method_create(shop=shop, request=a_request(), code=code, details=details).value


def recorded(shop: Shop, operation: str) -> list[str]:
    """The actors of the entries of this operation in the audit."""
    found = audit_list(shop=shop, query=AuditQuery(operation=operation), size=10, position=None)
    return [entry.actor for entry in found.results]


@pytest.fixture
def standard(shop: Shop) -> ShippingMethod:
    return made(shop)


def test_the_list_has_price_countries_and_state(office: OfficeBrowser, shop: Shop):
    made(shop, "standard")
    made(shop, "courier", name="Courier", countries=("DE", "AT"), is_active=False)
    text = office.text(LIST)
    for part in ("4.90 EUR", "every country", "DE, AT", ">Active</span>", ">Not active</span>"):
        assert part in text


def test_staff_create_a_shipping_method_and_see_it(office: OfficeBrowser, shop: Shop, boss: User):
    response = office.submit(CREATE, **NEW)
    method = shop.shipping_methods.get("express")
    assert response.headers["Location"] == f"{page_of(method)}?done=shipping-method-created"
    assert "The shipping method is created." in office.text(response.headers["Location"])
    assert (str(method.price), method.countries, method.is_active) == ("9.90", ("DE", "AT", "CH"), True)
    assert recorded(shop, "shipping_methods_create") == [boss.id]


def test_a_shipping_method_may_have_the_code_of_a_page(office: OfficeBrowser, shop: Shop):
    office.submit(CREATE, **{**NEW, "code": "new"})
    assert "Express" in office.text(f"{LIST}new/")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("code", "A B", "Use 1 to 32 of"),
        ("price", "1.234", "decimals"),
        ("countries", "DE, Atlantis", "not a valid choice"),
        ("name", "", "blank"),
        ("version_of_mine", "1", "No such field"),
    ],
)
def test_a_value_beyond_its_bounds_is_explained_and_what_was_sent_stays(
    office: OfficeBrowser, store: FakeStore, field: str, value: str, reason: str
):
    response = office.submit(CREATE, **{**NEW, "active": "false", field: value})
    text = response.content.decode()
    assert (response.status_code, reason in text, len(store.shipping_methods)) == (400, True, 0)
    assert '<option value="false" selected>' in text


def test_a_code_that_is_taken_is_explained(office: OfficeBrowser, standard: ShippingMethod):
    response = office.submit(CREATE, **{**NEW, "code": standard.code})
    assert (response.status_code, "has this code" in response.content.decode()) == (409, True)


def test_one_shipping_method_too_many_is_explained(office: OfficeBrowser, shop: Shop):
    for number in range(MAX_SHIPPING_METHODS):
        made(shop, f"method-{number}")
    response = office.submit(CREATE, **NEW)
    assert (response.status_code, f"{MAX_SHIPPING_METHODS} already" in response.content.decode()) == (409, True)


def test_a_form_that_changes_nothing_leaves_every_field_as_it_was(office: OfficeBrowser, shop: Shop):
    method = made(shop, countries=("DE", "AT"), is_active=False)
    office.submit(page_of(method))
    saved = shop.shipping_methods.get(method.code)
    assert (saved.values(), saved.version) == (method.values(), 2)


def test_a_shipping_method_without_countries_reaches_every_one(office: OfficeBrowser, shop: Shop):
    method = made(shop, countries=("DE",))
    office.submit(page_of(method), countries="")
    assert shop.shipping_methods.get(method.code).countries == ()


def test_a_shipping_method_is_deactivated_and_activated(office: OfficeBrowser, shop: Shop, boss: User):
    method = made(shop, countries=("DE",))
    action = page_of(method, "active/")
    for is_active in (False, True):
        assert office.send(action, office.form(page_of(method), action)).status_code == 302
        saved = shop.shipping_methods.get(method.code)
        assert (saved.is_active, saved.countries, saved.price) == (is_active, method.countries, method.price)
    assert recorded(shop, "shipping_methods_partial_update") == [boss.id] * 2


def test_an_activation_of_what_was_edited_meanwhile_shows_what_is_there(
    office: OfficeBrowser, colleague: OfficeBrowser, shop: Shop, standard: ShippingMethod
):
    action = page_of(standard, "active/")
    form = office.form(page_of(standard), action)
    colleague.submit(page_of(standard), name="Parcel", price="5")
    response = office.send(action, form)
    text = response.content.decode()
    assert (response.status_code, shop.shipping_methods.get(standard.code).is_active) == (412, True)
    assert ('value="Parcel"' in text, '<option value="false" selected>' in text) == (True, True)


def test_a_stale_edit_is_refused_and_shows_both_values(
    office: OfficeBrowser, colleague: OfficeBrowser, shop: Shop, standard: ShippingMethod
):
    form = office.form(page_of(standard))
    colleague.submit(page_of(standard), name="Parcel")
    response = office.send(page_of(standard), {**form, "name": "Mine"})
    text = response.content.decode()
    assert (response.status_code, shop.shipping_methods.get(standard.code).name) == (412, "Parcel")
    assert ('value="Mine"' in text, 'present-value">Parcel' in text) == (True, True)


def test_a_shipping_method_is_deleted_after_a_question(
    office: OfficeBrowser, shop: Shop, standard: ShippingMethod, boss: User
):
    response = office.submit(page_of(standard, "delete/"))
    assert response.headers["Location"] == f"{LIST}?done=shipping-method-deleted"
    with pytest.raises(NotFound):
        shop.shipping_methods.get(standard.code)
    assert recorded(shop, "shipping_methods_destroy") == [boss.id]


def test_the_history_of_a_shipping_method_says_who_did_what(office: OfficeBrowser, standard: ShippingMethod):
    office.submit(page_of(standard), name="Parcel")
    assert "shipping_methods_update" in office.text(page_of(standard, "history/"))


@pytest.mark.parametrize("tail", ["", "active/", "delete/"])
def test_no_customer_does_anything_to_a_shipping_method(
    shopper: OfficeBrowser, shop: Shop, standard: ShippingMethod, tail: str
):
    response = shopper.send(page_of(standard, tail), {})
    assert (response.status_code, shop.shipping_methods.get(standard.code).version) == (403, 1)
