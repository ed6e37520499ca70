"""The browsable API: pages with tables, filters, forms and actions, at the addresses of the API."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from exactly_once.errors import IdempotencyKeyReused, OutcomeUnknown, RateLimited, StoreUnavailable
from shop.api.authentication import COOKIE
from shop.api.browsable.json_text import MAX_HIGHLIGHTED_CHARS, MAX_SHOWN_CHARS, highlighted, json_text
from shop.api.browsable.labels import button_of
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.text import MAX_TEXT_CHARS
from shop.domain.users import User
from tests.samples import PASSWORD, in_catalogue, placed, units
from tests.unit.api.client import ApiClient

FORM = "application/x-www-form-urlencoded"
PRODUCTS, PURCHASES = "/api/v1/products/", "/api/v1/purchases/"


class Visitor:
    """A browser without scripts: reads a page, and submits a form of it with all of its hidden fields."""

    def __init__(self, user: User | None = None) -> None:
        self._client = Client(enforce_csrf_checks=True, headers={"Accept": "text/html"})
        if user:
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.open("/api/login/"))[1]
            sent = {"email": user.email, "password": PASSWORD, "csrfmiddlewaretoken": token}
            assert self._client.post("/api/login/", urlencode(sent), FORM).status_code == 302

    def open(self, path: str) -> str:
        return self._client.get(path).content.decode()

    def submit(self, page: str, form: str, **values: str | list[str]) -> str:
        """Submit the form with this id, and return the page that follows."""
        address, hidden = form_of(page, form)
        sent = {**hidden, **{name.replace("__", "."): value for name, value in values.items()}}
        return self._client.post(address, urlencode(sent, doseq=True), FORM).content.decode()

    def status_of(self, path: str, accept: str = "text/html") -> int:
        return self._client.get(path, headers={"Accept": accept}).status_code


def form_of(page: str, form: str) -> tuple[str, dict[str, str]]:
    """The address of a form, and its hidden fields."""
    match = re.search(rf'<form [^>]*id="{form}"[^>]*action="([^"]*)">(.*?)</form>', page, re.DOTALL)
    assert match, f"the page has no {form}"
    return match[1], dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', match[2]))


def status(page: str) -> str:
    return re.search(r'id="status">([^<]*)<', page)[1]


def cells(page: str) -> list[list[str]]:
    """The text of each cell of the table, row by row."""
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    return [[unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in rows]


def breadcrumbs(page: str) -> list[str]:
    """Where the breadcrumbs lead, without the page itself."""
    return re.findall(r'<a href="([^"]*)"', page.partition('<nav class="breadcrumbs"')[2].partition("</nav>")[0])


@pytest.fixture
def staff_browser(boss: User) -> Visitor:
    return Visitor(boss)


@pytest.fixture
def customer_browser(ada: User) -> Visitor:
    return Visitor(ada)


def test_a_list_is_a_table_with_links_to_its_records(apple: Product):
    page = Visitor().open(PRODUCTS)
    assert cells(page) == [["Granny Smith", "APPLE", "Fruit", "Orchard & Sons", "1.20 EUR", "10"]]
    assert f'<a href="{PRODUCTS}{apple.id}/">Granny Smith</a>' in page


def test_a_record_is_a_list_of_names_and_values_beside_its_json(apple: Product):
    page = Visitor().open(f"{PRODUCTS}{apple.id}/")
    assert '<dt>Category</dt><dd><a href="/api/v1/products/?category=Fruit">Fruit</a></dd>' in page
    assert (
        '<span class="json-key">&quot;category&quot;</span>: <span class="json-text">&quot;Fruit&quot;</span>' in page
    )


def test_what_people_have_written_is_escaped(shop):
    name = '<script>alert("x")</script>'
    product = in_catalogue(shop, sku="EVIL", name=name, description=name, category=name)
    for path in (PRODUCTS, f"{PRODUCTS}{product.id}/", f"{PRODUCTS}categories/"):
        page = Visitor().open(path)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_filters_have_labels_and_the_values_of_the_query(apple: Product):
    page = Visitor().open(f"{PRODUCTS}?category=Fruit&ordering=-price&in_stock=true")
    for name in ("category", "company", "min_price", "max_price", "in_stock", "currency", "search", "ordering"):
        assert f'<label for="filter-{name}">' in page
    assert re.search(r'id="filter-category" name="category" value="Fruit"', page)
    assert '<option value="-price" selected>Price, descending</option>' in page
    assert '<option value="true" selected>Yes</option>' in page
    assert 'name="cursor"' not in page


def test_empty_inputs_of_the_filter_form_count_as_left_out(apple: Product):
    path = f"{PRODUCTS}?category=&min_price=&ordering=&search=granny&page_size=5"
    page = Visitor().open(path)
    assert (status(page), len(cells(page))) == ("200 OK", 1)
    assert Visitor().status_of(path, "application/json") == 400


@pytest.mark.parametrize("query", ["page_size=5", "ordering=-price", "ordering=name&page_size=5"])
def test_an_empty_list_that_is_only_ordered_has_no_filters_to_clear(shop, query: str):
    page = Visitor().open(f"{PRODUCTS}?{query}")
    assert "There are no entries yet." in page
    assert ">Clear" not in page


def test_an_empty_list_that_is_filtered_has_filters_to_clear(shop):
    page = Visitor().open(f"{PRODUCTS}?category=Fruit&page_size=5")
    assert "No entry matches." in page
    assert page.count(f'href="{PRODUCTS}">Clear') == 2


def test_an_unusable_filter_says_why_beside_its_field():
    page = Visitor().open(f"{PRODUCTS}?min_price=cheap")
    assert status(page) == "400 Bad Request"
    assert 'aria-describedby="filter-min_price-hint filter-min_price-error" aria-invalid="true"' in page
    assert 'id="filter-min_price-error">Use a decimal number, such as 19.99.' in page


def test_the_links_of_the_pager_lead_to_the_next_page_and_back(shop):
    for number in range(3):
        in_catalogue(shop, sku=f"P{number}")
    visitor = Visitor()
    link = r'id="{}" rel="\w+" href="http://testserver([^"]*)"'
    first = visitor.open(f"{PRODUCTS}?page_size=2")
    second = visitor.open(unescape(re.search(link.format("next"), first)[1]))
    assert [row[1] for row in cells(second)] == ["P0"]
    assert cells(visitor.open(unescape(re.search(link.format("previous"), second)[1]))) == cells(first)


def test_a_purchase_has_a_line_for_each_sku_of_the_form(customer_browser: Visitor, customer: ApiClient, apple: Product):
    page = customer_browser.open(PURCHASES)
    placed = customer_browser.submit(
        page, "create-form", items__sku=["APPLE", "", "APPLE"], items__quantity=["2", "", "1"]
    )
    assert status(placed) == "201 Created"
    items = customer.get("/purchases/").json()["results"][0]["items"]
    assert [(item["sku"], item["quantity"]) for item in items] == [("APPLE", 3)]


def test_a_form_that_is_sent_twice_places_one_purchase(customer_browser: Visitor, customer: ApiClient, apple: Product):
    page = customer_browser.open(PURCHASES)
    for _ in range(2):
        placed = customer_browser.submit(page, "create-form", items__sku="APPLE", items__quantity="1")
        assert status(placed) == "201 Created"
    assert "An earlier request with this key was carried out" in placed
    assert len(customer.get("/purchases/").json()["results"]) == 1


def test_a_purchase_with_an_unknown_outcome_is_sent_again_by_a_reload_alone(
    customer_browser: Visitor, customer: ApiClient, apple: Product, shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    place = shop.purchases.place

    def place_and_lose_the_reply(*args: Any, **kwargs: Any) -> None:
        place(*args, **kwargs)
        raise OutcomeUnknown("The reply is lost.")

    page = customer_browser.open(f"{PRODUCTS}{apple.id}/")
    with monkeypatch.context() as patch:
        patch.setattr(
            type(shop.purchases), "place", lambda _, *args, **kwargs: place_and_lose_the_reply(*args, **kwargs)
        )
        unknown = customer_browser.submit(page, "buy-form", items__quantity="1")
    assert (status(unknown), "Reload this page" in unknown) == ("503 Service Unavailable", True)
    assert "_idempotency_key" not in unknown
    assert forms(unknown) == []
    replayed = customer_browser.submit(page, "buy-form", items__quantity="1")
    assert (status(replayed), "An earlier request with this key" in replayed) == ("201 Created", True)
    assert len(customer.get("/purchases/").json()["results"]) == 1


@pytest.mark.parametrize("error", [StoreUnavailable("Down."), RateLimited(2.0), IdempotencyKeyReused("Used.")])
def test_a_reload_that_fails_offers_no_second_key(
    customer_browser: Visitor, apple: Product, shop: Shop, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    def fail(*_: Any, **__: Any) -> None:
        raise error

    page = customer_browser.open(PURCHASES)
    monkeypatch.setattr(type(shop.purchases), "place", fail)
    refused = customer_browser.submit(page, "create-form", items__sku="APPLE", items__quantity="1")
    assert ('id="advice"' in refused, "_idempotency_key" in refused) == (True, False)


def test_an_edit_without_a_key_is_looked_up_where_its_outcome_is_unknown(
    staff_browser: Visitor, apple: Product, shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any, **__: Any) -> None:
        raise OutcomeUnknown("The reply is lost.")

    page = staff_browser.open(f"{PRODUCTS}{apple.id}/")
    monkeypatch.setattr(type(shop.products), "withdraw", fail)
    unknown = staff_browser.submit(page, "destroy-form")
    assert ("Look whether it took effect" in unknown, 'id="update-form"' in unknown) == (True, False)


def test_each_page_has_another_key(customer_browser: Visitor):
    keys = {form_of(customer_browser.open(PURCHASES), "create-form")[1]["_idempotency_key"] for _ in range(2)}
    assert len(keys) == 2


def test_an_error_of_a_line_is_beside_its_field(customer_browser: Visitor, apple: Product):
    page = customer_browser.open(PURCHASES)
    refused = customer_browser.submit(page, "create-form", items__sku=["APPLE", "APPLE"], items__quantity=["1", "-5"])
    assert status(refused) == "400 Bad Request"
    assert 'id="create-form-items-1-quantity-error">Use a whole number' in refused
    assert re.search(r'name="items.quantity" value="-5"[^>]* aria-invalid="true"', refused)


def test_a_body_may_be_sent_as_json(customer_browser: Visitor, apple: Product):
    page = customer_browser.open(PURCHASES)
    body = '{"items": [{"sku": "APPLE", "quantity": 1}]}'
    assert status(customer_browser.submit(page, "create-form-json", _json=body)) == "201 Created"
    refused = customer_browser.submit(page, "create-form-json", _json='{"items": ')
    assert (status(refused), "{&quot;items&quot;: </textarea>" in refused) == ("400 Bad Request", True)


def test_an_edit_by_form_requires_the_version_that_was_shown(staff_browser: Visitor, staff: ApiClient, apple: Product):
    path = f"{PRODUCTS}{apple.id}/"
    page = staff_browser.open(path)
    shown = unescape(form_of(page, "update-form")[1]["_if_match"])
    assert shown == staff.get(f"/products/{apple.id}/").headers["ETag"]
    staff.patch(f"/products/{apple.id}/", {"name": "Pink Lady"})
    values = {"name": "Elstar", "price": "1.00", "currency": "EUR", "_if_match": shown}
    lost = staff_browser.submit(page, "update-form", **values)
    assert status(lost) == "412 Precondition Failed"
    assert 'value="Elstar"' in lost
    saved = staff_browser.submit(page, "update-form", **{**values, "_if_match": "*"})
    assert (status(saved), staff.get(f"/products/{apple.id}/").json()["name"]) == ("200 OK", "Elstar")


def test_the_page_of_a_refused_form_has_no_other_form(staff_browser: Visitor, staff: ApiClient, apple: Product):
    page = staff_browser.open(f"{PRODUCTS}{apple.id}/")
    staff.patch(f"/products/{apple.id}/", {"name": "Pink Lady"})
    stale = staff_browser.submit(
        page, "destroy-form", _if_match=unescape(form_of(page, "destroy-form")[1]["_if_match"])
    )
    assert (status(stale), forms(stale)) == ("412 Precondition Failed", ["destroy-form"])
    unusable = staff_browser.submit(page, "update-form", name="")
    assert (status(unusable), forms(unusable)) == ("400 Bad Request", ["update-form", "update-form-json"])


def test_the_page_of_an_error_has_no_form_without_the_version(
    staff_browser: Visitor, apple: Product, shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any) -> None:
        raise StoreUnavailable("Down.")

    monkeypatch.setattr(type(shop.products), "get", fail)
    page = staff_browser.open(f"{PRODUCTS}{apple.id}/")
    assert (status(page), forms(page)) == ("503 Service Unavailable", [])


def forms(page: str) -> list[str]:
    return re.findall(r'<form [^>]*id="([^"]*)"', page)


def test_json_of_a_form_may_be_sent_with_patch(staff_browser: Visitor, staff: ApiClient, apple: Product):
    page = staff_browser.open(f"{PRODUCTS}{apple.id}/")
    sent = {"_method": "PATCH", "_json": '{"company": "Tree"}', "_if_match": "*"}
    assert status(staff_browser.submit(page, "update-form-json", **sent)) == "200 OK"
    product = staff.get(f"/products/{apple.id}/").json()
    assert (product["company"], product["category"]) == ("Tree", "Fruit")


def test_withdrawing_is_a_form_that_asks_first(staff_browser: Visitor, staff: ApiClient, apple: Product):
    page = staff_browser.open(f"{PRODUCTS}{apple.id}/")
    assert "Yes: withdraw a product" in page
    assert status(staff_browser.submit(page, "destroy-form", _if_match="*")) == "204 No Content"
    assert staff.get(f"/products/{apple.id}/").status_code == 404


def test_a_form_cannot_name_a_method_without_the_csrf_token(boss: User, staff: ApiClient, apple: Product):
    browser = Client(enforce_csrf_checks=True, headers={"Accept": "text/html"})
    browser.cookies[COOKIE] = staff.post("/auth/token/", {"email": boss.email, "password": PASSWORD}).json()["token"]
    for sent in ("_method=DELETE", "_method=DELETE&csrfmiddlewaretoken=made-up"):
        assert browser.post(f"{PRODUCTS}{apple.id}/", sent, FORM).status_code == 403
    assert staff.get(f"/products/{apple.id}/").status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "delete", "TRACE", ""])
def test_a_form_can_name_writes_alone(staff_browser: Visitor, staff: ApiClient, apple: Product, method: str):
    page = staff_browser.open(f"{PRODUCTS}{apple.id}/")
    assert status(staff_browser.submit(page, "destroy-form", _method=method)) == "405 Method Not Allowed"
    assert staff.get(f"/products/{apple.id}/").status_code == 200


def test_a_form_without_the_cookie_names_no_method(staff: ApiClient, apple: Product):
    response = staff.send(
        "POST", f"/products/{apple.id}/", b"_method=DELETE", Content_Type="application/x-www-form-urlencoded"
    )
    assert response.status_code == 405
    assert staff.get(f"/products/{apple.id}/").status_code == 200


def test_a_form_with_a_token_names_no_method_whatever_its_cookies_are(staff: ApiClient, apple: Product):
    response = staff.send(
        "POST", f"/products/{apple.id}/", b"_method=DELETE", Content_Type=FORM, Cookie=f"{COOKIE}=made-up"
    )
    assert response.status_code == 405
    assert staff.get(f"/products/{apple.id}/").status_code == 200


def test_a_value_too_long_for_a_header_is_refused(staff_browser: Visitor, apple: Product):
    page = staff_browser.open(f"{PRODUCTS}{apple.id}/")
    refused = staff_browser.submit(page, "destroy-form", _if_match="x" * 2_001)
    assert "2000 characters in _if_match" in refused


@pytest.mark.parametrize(
    ("body", "media_type", "title"),
    [
        ("_if_match=" + "x" * 2_001, FORM, "Malformed body"),
        ("--x\r\ngarbage", "multipart/form-data", "Malformed body"),
        ("a=1&" * 3_000, FORM, "Bad request"),
    ],
)
def test_a_form_that_cannot_be_read_is_answered_with_a_page(body: str, media_type: str, title: str):
    browser = Client(headers={"Accept": "text/html"})
    browser.cookies[COOKIE] = "made-up"
    response = browser.post(PURCHASES, body, media_type)
    assert (response.status_code, f"<h1>{title}</h1>" in response.content.decode()) == (400, True)
    as_json = browser.post(PURCHASES, body, media_type, headers={"Accept": "application/json"})
    assert (as_json.status_code, as_json.headers["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(("action", "title"), [("pay", "Mark a purchase as paid"), ("refund", "Refund a purchase")])
def test_the_address_of_an_action_has_a_page_for_browsers_and_405_for_clients(
    staff_browser: Visitor, customer: ApiClient, apple: Product, action: str, title: str
):
    purchase = customer.post("/purchases/", {"items": [{"product": apple.id, "quantity": 1}]}).json()
    path = f"{PURCHASES}{purchase['id']}/{action}/"
    page = staff_browser.open(path)
    assert (status(page), f"<h1>{title}</h1>" in page) == ("200 OK", True)
    assert form_of(page, f"{action}-form")[0] == path
    assert staff_browser.status_of(path, "application/json") == 405


def test_the_page_of_a_purchase_has_the_actions_that_its_status_admits(
    staff_browser: Visitor, customer: ApiClient, apple: Product
):
    purchase = customer.post("/purchases/", {"items": [{"product": apple.id, "quantity": 1}]}).json()
    path = f"{PURCHASES}{purchase['id']}/"
    assert actions(staff_browser.open(path)) == ["begin_payment", "cancel", "pay"]
    paid = staff_browser.submit(staff_browser.open(path), "pay-form")
    assert (status(paid), actions(paid)) == ("200 OK", ["cancel", "refund", "refunds", "ship"])


def test_the_page_of_an_action_has_its_form_once(staff_browser: Visitor, apple: Product):
    page = staff_browser.open(f"{PRODUCTS}{apple.id}/stock/")
    for _ in range(2):
        page = staff_browser.submit(page, "stock-form", delta="1", reason="A delivery.")
        assert (status(page), page.count('id="stock-form"')) == ("200 OK", 1)


def test_customers_have_the_actions_that_are_theirs(customer_browser: Visitor, customer: ApiClient, apple: Product):
    purchase = customer.post("/purchases/", {"items": [{"product": apple.id, "quantity": 1}]}).json()
    assert actions(customer_browser.open(f"{PURCHASES}{purchase['id']}/")) == ["begin_payment", "cancel"]
    assert actions(customer_browser.open(f"{PRODUCTS}{apple.id}/")) == []
    assert "Only staff" not in customer_browser.open(f"{PRODUCTS}{apple.id}/stock/")


def actions(page: str) -> list[str]:
    return sorted(re.findall(r'<details class="action" id="(\w+)"', page))


def test_a_product_is_bought_on_its_page(customer_browser: Visitor, customer: ApiClient, apple: Product):
    page = customer_browser.open(f"{PRODUCTS}{apple.id}/")
    assert status(customer_browser.submit(page, "buy-form", items__quantity="2")) == "201 Created"
    assert customer.get(f"/products/{apple.id}/").json()["stock"] == 8
    assert 'id="buy-form"' not in Visitor().open(f"{PRODUCTS}{apple.id}/")


def test_a_refusal_is_shown_above_the_values_that_were_sent(customer_browser: Visitor, apple: Product):
    refused = customer_browser.submit(
        customer_browser.open(PURCHASES), "create-form", items__sku="APPLE", items__quantity="99"
    )
    assert status(refused) == "409 Conflict"
    assert re.search(r'id="problem">\s*<h2>Insufficient stock</h2>', refused)
    assert re.search(r'name="items.quantity" value="99"', refused)


def test_a_shortage_links_the_product_that_is_short(customer_browser: Visitor, apple: Product):
    page = customer_browser.open(PURCHASES)
    refused = customer_browser.submit(page, "create-form", items__sku="APPLE", items__quantity="99")
    link = f'<td><a href="{PRODUCTS}{apple.id}/"><span class="mono">{apple.id}</span></a></td>'
    assert link in refused.partition('id="problem"')[2].partition("</table>")[0]


def test_a_password_is_never_repeated(staff_browser: Visitor, ada: User):
    page = staff_browser.open(f"/api/v1/users/{ada.id}/")
    refused = staff_browser.submit(page, "destroy-form", current_password="not the password")
    assert 'id="destroy-form-current_password-error"' in refused
    assert "not the password" not in refused


def test_json_that_may_have_a_password_is_never_repeated(customer_browser: Visitor):
    page = customer_browser.open("/api/v1/users/me/password/")
    sent = '{"current_password": "not the password", "new": "misspelt name"}'
    refused = customer_browser.submit(page, "password-form-json", _json=sent)
    assert (status(refused), "current_password" in refused) == ("400 Bad Request", True)
    assert "not the password" not in refused
    assert "misspelt name" not in refused


def test_an_api_key_has_boxes_for_its_scopes_and_a_line_for_each_network(staff_browser: Visitor):
    page = staff_browser.open("/api/v1/api-keys/")
    sent = {
        "name": "Till",
        "scopes": ["catalogue:read", "stock:write"],
        "networks": "192.0.2.0/24\n\n198.51.100.0/24",
        "expires_at": "2027-01-01T00:00:00Z",
        "current_password": PASSWORD,
    }
    created = staff_browser.submit(page, "create-form", **sent)
    assert status(created) == "201 Created"
    assert cells(staff_browser.open("/api/v1/api-keys/"))[0][:2] == ["Till", "catalogue:read, stock:write"]


def test_sessions_lead_to_a_page_that_ends_them(customer_browser: Visitor, customer: ApiClient):
    listed = customer_browser.open("/api/v1/auth/sessions/")
    paths = re.findall(r'<a href="(/api/v1/auth/sessions/[0-9a-f-]{36}/)">', listed)
    assert len(paths) == 2
    ended = customer_browser.submit(customer_browser.open(paths[-1]), "session-form")
    assert status(ended) == "204 No Content"


def test_the_root_leads_to_what_the_caller_may_read(customer_browser: Visitor, staff_browser: Visitor):
    browsers = (Visitor(), customer_browser, staff_browser)
    links = [set(re.findall(r'class="card" href="([^"]*)"', each.open("/api/v1/"))) for each in browsers]
    catalogue = {"/api/v1/products/", "/api/v1/products/categories/", "/api/v1/products/companies/"}
    assert links[0] == catalogue | {"/api/v1/shipping-methods/"}
    assert links[1] - links[0] >= {"/api/v1/purchases/", "/api/v1/users/me/", "/api/v1/auth/sessions/"}
    assert links[2] - links[1] == {
        "/api/v1/returns/",
        "/api/v1/vouchers/",
        "/api/v1/users/",
        "/api/v1/api-keys/",
        "/api/v1/webhook-endpoints/",
        "/api/v1/imports/",
        "/api/v1/exports/",
        "/api/v1/events/",
        "/api/v1/audit/",
    }


def test_events_are_a_table_with_their_data_in_words(staff_browser: Visitor, shop: Shop, ada: User, apple: Product):
    placed(shop, ada.id, units(apple, 2))
    text = staff_browser.open("/api/v1/events/?type=purchase.placed")
    assert ">total 2.40, currency EUR<" in text


def test_breadcrumbs_lead_to_what_the_reader_may_see_alone(
    customer_browser: Visitor, staff_browser: Visitor, ada: User, apple: Product
):
    own = f"/api/v1/users/{ada.id}/"
    assert breadcrumbs(customer_browser.open(own)) == ["/api/v1/"]
    assert breadcrumbs(staff_browser.open(own)) == ["/api/v1/", "/api/v1/users/"]
    assert breadcrumbs(staff_browser.open(f"{own}role/")) == ["/api/v1/", "/api/v1/users/", own]
    assert breadcrumbs(Visitor().open(f"{own}role/")) == ["/api/v1/"]
    product = f"{PRODUCTS}{apple.id}/"
    assert breadcrumbs(Visitor().open(f"{product}stock/")) == ["/api/v1/", PRODUCTS, product]
    assert breadcrumbs(Visitor().open("/api/v1/auth/token/")) == ["/api/v1/"]
    assert breadcrumbs(customer_browser.open("/api/v1/auth/token/")) == ["/api/v1/", "/api/v1/auth/sessions/"]


@pytest.mark.parametrize(
    "path", ["/api/v1/", PRODUCTS, f"{PRODUCTS}categories/", f"{PRODUCTS}?min_price=cheap", PURCHASES, "/api/v1/none/"]
)
def test_a_page_for_browsers_varies_by_the_cookie_too(path: str):
    varies = [Client().get(path, headers={"Accept": accept})["Vary"] for accept in ("text/html", "application/json")]
    assert varies == ["Accept, Cookie", "Accept"]


def test_no_page_has_inline_code_or_styles(staff_browser: Visitor, apple: Product):
    paths = ["/api/v1/", PRODUCTS, f"{PRODUCTS}{apple.id}/", PURCHASES, "/api/v1/api-keys/", "/api/v1/users/me/"]
    for path in paths:
        page = staff_browser.open(path)
        assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", page) == [], path


def test_long_json_is_cut_and_says_so():
    data = {"text": "x" * (MAX_SHOWN_CHARS + 1_000)}
    shown, left_out = json_text(data)
    assert len(shown) < MAX_SHOWN_CHARS + 1_000
    assert left_out > 1_000


def test_json_behind_the_limit_is_escaped_and_not_highlighted():
    tail = '"<b>": 1'
    shown = highlighted("1, " * (MAX_HIGHLIGHTED_CHARS // 3 + 1) + tail)
    assert shown.endswith("&quot;&lt;b&gt;&quot;: 1")


def test_json_is_highlighted_in_whole_lines():
    line = '  "name": "text",\n'
    lines = MAX_HIGHLIGHTED_CHARS // len(line)
    assert highlighted(line * (lines + 2)).count("json-key") == lines


@pytest.mark.usefixtures("bounded_work")
def test_a_long_text_of_quotes_is_shown_at_a_bounded_cost(shop):
    in_catalogue(shop, sku="QUOTES", description='"' * MAX_TEXT_CHARS)
    in_catalogue(shop, sku="PLAIN", description="x" * 3_400)
    assert status(Visitor().open(PRODUCTS)) == "200 OK"


@pytest.mark.parametrize(
    ("summary", "button"),
    [
        ("Withdraw a product", "Withdraw"),
        ("Mark a purchase as paid", "Mark as paid"),
        ("Adjust the stock of a product", "Adjust the stock"),
        ("Replace the secret of an API key", "Replace the secret"),
        ("Replace a user", "Edit"),
    ],
)
def test_a_button_leaves_out_what_the_page_says_already(summary: str, button: str):
    assert button_of(summary) == button
