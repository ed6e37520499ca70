"""Shipments and returns in the back office: units are sent, asked back, and received."""

import pytest

from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Purchase, Shipment, Status, Units
from shop.domain.returns import Return, ReturnStatus
from shop.domain.users import User
from shop.services.returns import return_approve
from tests.fakes import FakeStore
from tests.samples import SOME_STAFF, a_request, a_return, euros, in_catalogue, placed, units
from tests.unit.office.browser import HTMX, OfficeBrowser

RETURNS = "/office/returns/"


@pytest.fixture
def pear(shop: Shop) -> Product:
    return in_catalogue(shop, sku="PEAR", name="Conference", stock=10, price=euros("2.00"))


@pytest.fixture
def paid(shop: Shop, ada: User, apple: Product, pear: Product) -> Purchase:
    bought = placed(shop, ada.id, units(apple, 3), units(pear, 1))
    now = shop.clock.now()
    return shop.purchases.move(a_request(), bought.id, Status.PAID, by=SOME_STAFF, restock=False, at=now).value


@pytest.fixture
def requested(shop: Shop, ada: User, apple: Product) -> Return:
    """Of two apples, all of the purchase."""
    return a_return(shop, placed(shop, ada.id, units(apple, 2)))


@pytest.fixture
def approved(shop: Shop, requested: Return) -> Return:
    return return_approve(shop=shop, request=a_request(), id=requested.id).value


def page_of(purchase: Purchase) -> str:
    return f"/office/purchases/{purchase.id}/"


def path_of(found: Return, step: str = "") -> str:
    return f"{RETURNS}{found.id}/{step}/" if step else f"{RETURNS}{found.id}/"


def field(product: Product) -> str:
    return f"units-{product.id}"


def stored(shop: Shop, found: Return) -> Return:
    return shop.returns.get(found.id, None)


def test_some_lines_are_shipped_once_with_carrier_and_tracking(
    office: OfficeBrowser, shop: Shop, paid: Purchase, apple: Product, pear: Product
):
    path = f"{page_of(paid)}ship/"
    form = {**office.form(path), field(apple): "2", field(pear): "0", "carrier": "Evergreen Post", "tracking": "EG-1"}
    for _ in range(2):
        response = office.send(path, form)
        assert response.headers["Location"] == f"{page_of(paid)}?done=purchase-partially_shipped"
    (shipment,) = shop.purchases.get(paid.id, None).shipments
    assert shipment.lines == (Units(product=apple.id, quantity=2),)
    page = office.text(page_of(paid))
    for text in ("Evergreen Post", "EG-1", "2 × Granny Smith", "Partially shipped"):
        assert text in page
    assert office.form(path)[field(apple)] == "1"
    office.submit(path)
    assert shop.purchases.get(paid.id, None).status is Status.SHIPPED


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("4", 409, "Only 3 left."),
        ("some", 400, "Use a whole number"),
        ("-1", 400, "Use a whole number"),
        ("0", 400, "Use one unit at least."),
    ],
)
def test_a_shipment_that_cannot_be_says_why(
    office: OfficeBrowser, shop: Shop, paid: Purchase, apple: Product, pear: Product, text, status, message
):
    fields = {field(apple): text, field(pear): "0", "tracking": "EG-1"}
    response = office.submit(f"{page_of(paid)}ship/", **fields)
    page = response.content.decode()
    assert response.status_code == status
    assert message in page
    assert 'value="EG-1"' in page
    assert shop.purchases.get(paid.id, None).shipments == ()


def test_a_shipment_of_what_another_has_shipped_changes_nothing(office: OfficeBrowser, shop: Shop, paid: Purchase):
    path = f"{page_of(paid)}ship/"
    form = office.form(path)
    shop.purchases.ship(a_request(), paid.id, Shipment(at=shop.clock.now(), lines=()), by=SOME_STAFF)
    response = office.send(path, form)
    assert response.status_code == 409
    assert "The purchase is shipped by now." in response.content.decode()


def test_returns_are_listed_by_status(office: OfficeBrowser, requested: Return):
    for query, is_found in (("", True), ("?status=requested", True), ("?status=received", False)):
        assert (path_of(requested) in office.text(f"{RETURNS}{query}")) is is_found
    assert office.get(f"{RETURNS}?status=lost").status_code == 400
    assert "<html" not in office.get(RETURNS, **HTMX).content.decode()


def test_a_return_shows_its_units_its_reason_and_its_purchase(office: OfficeBrowser, requested: Return):
    page = office.text(path_of(requested))
    for text in ("Granny Smith", "Too green.", f"/office/purchases/{requested.purchase}/", "Requested"):
        assert text in page
    assert path_of(requested) in office.text(f"/office/purchases/{requested.purchase}/")


@pytest.mark.parametrize(("step", "after"), [("approve", ReturnStatus.APPROVED), ("refuse", ReturnStatus.REFUSED)])
def test_a_return_is_settled_once_and_recorded(
    office: OfficeBrowser, shop: Shop, store: FakeStore, requested: Return, boss: User, step, after
):
    form = office.form(path_of(requested, step))
    for _ in range(2):
        response = office.send(path_of(requested, step), form)
        assert response.headers["Location"] == f"{path_of(requested)}?done=return-{after}"
    assert stored(shop, requested).status is after
    (entry,) = [entry for entry in store.audit if entry.operation == f"returns_{step}"]
    assert (entry.actor, entry.object) == (boss.id, f"return:{requested.id}")
    assert f"returns_{step}" in office.text(path_of(requested, "history"))


@pytest.mark.parametrize(("restock", "stock"), [("true", 9), ("false", 8)])
def test_a_part_of_a_return_is_received_and_returns_to_stock_where_that_is_chosen(
    office: OfficeBrowser, shop: Shop, approved: Return, apple: Product, restock: str, stock: int
):
    response = office.submit(path_of(approved, "receive"), restock=restock, **{field(apple): "1"})
    assert response.headers["Location"] == f"{path_of(approved)}?done=return-received"
    assert [line.quantity for line in stored(shop, approved).received] == [1]
    assert shop.products.get(apple.id).stock == stock
    assert f"/office/purchases/{approved.purchase}/refund-amount/" in office.text(path_of(approved))


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"restock": "true", "units": "3"}, 409, "Only 2 left."),
        ({"restock": "true", "units": "0"}, 400, "Use one unit at least."),
        ({"restock": "", "units": "x"}, 400, "Use a whole number"),
    ],
)
def test_a_receipt_that_cannot_be_says_why(
    office: OfficeBrowser, shop: Shop, approved: Return, apple: Product, fields: dict, status: int, message: str
):
    sent = {"restock": fields["restock"], field(apple): fields["units"]}
    response = office.submit(path_of(approved, "receive"), **sent)
    assert response.status_code == status
    assert message in response.content.decode()
    assert stored(shop, approved).status is ReturnStatus.APPROVED


def test_a_receipt_asks_whether_the_units_return(office: OfficeBrowser, approved: Return):
    form = office.form(path_of(approved, "receive"))
    del form["restock"]
    response = office.send(path_of(approved, "receive"), form)
    assert response.status_code == 400
    assert "Choose whether" in response.content.decode()


def test_a_step_that_came_too_late_says_so(office: OfficeBrowser, shop: Shop, requested: Return):
    form = office.form(path_of(requested, "refuse"))
    shop.returns.refuse(a_request(), requested.id, shop.clock.now())
    for response in (office.send(path_of(requested, "refuse"), form), office.get(path_of(requested, "receive"))):
        assert response.status_code == 409
        assert "The return is refused by now." in response.content.decode()


def test_a_customer_settles_no_return(shopper: OfficeBrowser, shop: Shop, requested: Return):
    assert shopper.get(RETURNS).status_code == 403
    assert shopper.send(path_of(requested, "approve"), {"idempotency_key": "key"}).status_code == 403
    assert stored(shop, requested).status is ReturnStatus.REQUESTED
