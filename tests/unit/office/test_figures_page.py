"""The first page of the back office: its numbers are those of the purchases."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.money import Money
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Status
from shop.domain.users import User
from shop.office import figures as figures_page
from shop.services import figures as services
from tests.contract.test_figures import Cache, placed_at
from tests.samples import a_request, in_catalogue, units
from tests.unit.office.browser import HTMX, OfficeBrowser

OFFICE = "/office/"
TODAY = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch) -> Cache:
    made = Cache()
    monkeypatch.setattr(figures_page, "_CACHE", made)
    return made


@pytest.fixture
def sold(shop: Shop, ada: User, apple: Product) -> None:
    """Two today, one of them cancelled, and one a millisecond before midnight."""
    staff = Caller(id="staff", role=Role.STAFF, token="")
    placed_at(shop, ada.id, TODAY + timedelta(hours=9), units(apple, 3))
    second = placed_at(shop, ada.id, TODAY + timedelta(hours=10), units(apple, 1))
    placed_at(shop, ada.id, TODAY - timedelta(milliseconds=1), units(apple, 2))
    shop.purchases.move(a_request(), second.id, Status.CANCELLED, by=staff, restock=True, at=shop.clock.now())


def tiles(page: str) -> dict[str, str]:
    """The amount of each tile, by its title."""
    found = re.findall(r'class="tile[^>]*><h2>([^<]+)</h2><p class="amount">(.*?)</p>', page)
    return {title: re.sub(r"<[^>]+>", "", amount).strip() for title, amount in found}


def rows(page: str, id: str) -> dict[str, list[str]]:
    """The cells of a table, by the first one."""
    body = re.search(rf'id="{id}-title".*?<tbody>(.*?)</tbody>', page, re.DOTALL)[1]
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL):
        first, *cells = [
            re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        found[first] = cells
    return found


def test_tiles_have_the_figures_of_the_utc_day(office: OfficeBrowser, sold: None):
    assert tiles(office.text(OFFICE)) == {
        "Revenue in EUR": "3.60",
        "Purchases": "2",
        "Cancelled": "1",
        "To be paid": "2",
        "To be shipped": "0",
        "Partly shipped": "0",
        "On their way": "0",
        "Sold out": "0",
    }


def test_tables_have_the_figures_of_each_hour_and_day(office: OfficeBrowser, sold: None):
    page = office.text(f"{OFFICE}?tables=yes")
    assert rows(page, "hours")["09:00"] == ["1", "0", "0", "3", "3.60 EUR", "0"]
    assert rows(page, "hours")["10:00"] == ["1", "1", "0", "0", "0.00 EUR", "0"]
    days = rows(page, "days")
    assert len(days) == 31
    assert days["Sun 1 Nov"] == ["2", "1", "0", "3", "3.60 EUR", "0"]
    assert days["Sat 31 Oct"] == ["1", "0", "0", "2", "2.40 EUR", "0"]
    assert days["Fri 30 Oct"] == ["0", "0", "0", "0", "–", "0"]
    assert "/office/purchases/?since=2026-10-31&amp;until=2026-10-31" in page


@pytest.mark.parametrize(("show", "title"), [("EUR", "Revenue in EUR"), ("units", "Units"), ("purchases", "Purchases")])
def test_charts_show_what_is_chosen_and_say_it_in_words(office: OfficeBrowser, sold: None, show: str, title: str):
    page = office.text(f"{OFFICE}?show={show}")
    assert f"<figcaption>{title} by hour, today</figcaption>" in page
    assert page.count('role="img"') == 2
    assert page.count("<desc") == 2
    # One of today, and one of yesterday.
    assert page.count('class="bar-sold"') == 1 + 2
    assert page.count('class="bar-returned"') == 2
    assert "style=" not in page


def test_the_highest_bar_is_named(office: OfficeBrowser, sold: None):
    assert "4 Units" not in office.text(f"{OFFICE}?show=units")
    assert "The highest is 09:00: 3" in office.text(f"{OFFICE}?show=units")


def test_each_currency_has_its_revenue(office: OfficeBrowser, shop: Shop, ada: User, sold: None):
    tea = in_catalogue(shop, stock=5, price=Money(minor=350, currency="JPY"))
    placed_at(shop, ada.id, TODAY + timedelta(hours=1), units(tea, 2))
    page = office.text(OFFICE)
    assert tiles(page).items() >= {"Revenue in EUR": "3.60", "Revenue in JPY": "700"}.items()
    assert "?show=JPY" in page


@pytest.mark.parametrize("query", ["show=XXX", "show=", "tables=no", "days=9", "show=EUR&show=USD"])
def test_a_query_that_cannot_be_used_is_refused(office: OfficeBrowser, query: str):
    assert office.get(f"{OFFICE}?{query}").status_code == 400


def test_refusals_are_shown_by_reason(office: OfficeBrowser, shop: Shop):
    services.refusals_record(shop=shop, request=a_request(), at=shop.clock.now(), counts={"insufficient-stock": 4})
    services.refusals_record(
        shop=shop, request=a_request(), at=shop.clock.now() - timedelta(days=8), counts={"insufficient-stock": 5}
    )
    assert rows(office.text(OFFICE), "refusals")["Not enough in stock"] == ["4", "4", "9"]


def test_what_is_not_added_up_yet_is_not_shown_as_nothing(
    office: OfficeBrowser, sold: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(services, "MAX_WALKED_PER_CALL", 1)
    page = office.text(f"{OFFICE}?tables=yes")
    assert "Adding up the purchases of earlier days" in page
    assert rows(page, "days")["Sat 31 Oct"][0] == "not added up yet"
    assert "Adding up" in office.text(OFFICE)


def test_htmx_gets_the_live_part_alone(office: OfficeBrowser, sold: None):
    page = office.get(OFFICE, **HTMX).content.decode()
    assert tiles(page)["Purchases"] == "2"
    assert "<html" not in page


def test_what_can_have_the_focus_has_the_id_by_which_htmx_gives_it_back(office: OfficeBrowser, sold: None):
    first, second = (office.get(OFFICE, **HTMX).content.decode() for _ in range(2))
    focusable = re.findall(r"<a\b[^>]*>|<[^>]*\btabindex=[^>]*>", first)
    ids = [re.search(r' id="([^"]+)"', tag) for tag in focusable]
    assert len(ids) >= 6
    assert all(ids)
    assert all(second.count(f' id="{id[1]}"') == 1 for id in ids)


def test_a_customer_sees_no_figures(shopper: OfficeBrowser):
    assert shopper.get(OFFICE).status_code == 403
