"""The frame of the back office: who gets in, how, and what every page has."""

import hashlib
import re

import pytest

from shop.api.access import ACCESS, Identity
from shop.api.access_document import url_operations
from shop.api.office_access import OFFICE
from shop.domain.products import Product
from tests.architecture.sources import ROOT
from tests.unit.office.browser import HTMX, OfficeBrowser

PAGES = [operation for operation in url_operations() if operation.path.startswith("/office/")]
UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.mark.parametrize("operation", PAGES, ids=lambda each: each.name)
def test_every_page_is_for_staff_alone_and_has_the_row_of_an_operation_of_the_api(operation):
    row, row_of_api = ACCESS[operation.name], ACCESS[OFFICE[operation.name]]
    assert (row.roles, row.scope) == (frozenset({Identity.STAFF}), None)
    assert row.roles <= row_of_api.roles
    assert (row.limiter, row.audited, row.reauthentication) == (
        row_of_api.limiter,
        row_of_api.audited,
        row_of_api.reauthentication,
    )


def test_a_visitor_is_led_to_the_login_and_back(visitor: OfficeBrowser):
    response = visitor.get("/office/products/?search=pear")
    assert (response.status_code, response.headers["Location"]) == (
        302,
        "/api/login/?next=%2Foffice%2Fproducts%2F%3Fsearch%3Dpear",
    )


def test_a_path_that_looks_like_another_host_leads_back_to_this_one(visitor: OfficeBrowser):
    login = visitor.get("/office/products/?next=//evil.example/").headers["Location"]
    assert "next=%2Foffice%2Fproducts%2F" in login


def test_htmx_of_a_visitor_is_sent_to_the_login_instead_of_showing_it(visitor: OfficeBrowser):
    response = visitor.get("/office/products/", **HTMX)
    assert (response.status_code, response.headers["HX-Redirect"]) == (401, "/api/login/?next=%2Foffice%2Fproducts%2F")


def test_a_customer_gets_a_page_that_says_who_may(shopper: OfficeBrowser):
    response = shopper.get("/office/products/")
    assert response.status_code == 403
    assert "The back office is for staff" in response.content.decode()


@pytest.mark.parametrize("path", ["/office/", "/office/products/", f"/office/products/{UNKNOWN}/"])
def test_no_page_of_staff_is_stored(office: OfficeBrowser, path: str):
    assert office.get(path).headers["Cache-Control"] == "no-store"


def test_a_redirect_to_the_login_is_not_stored(visitor: OfficeBrowser):
    assert visitor.get("/office/").headers["Cache-Control"] == "no-store"


def test_a_form_without_a_csrf_token_is_refused(office: OfficeBrowser, apple: Product):
    path = f"/office/products/{apple.id}/"
    form = office.form(path)
    del form["csrfmiddlewaretoken"]
    response = office.send(path, {**form, "name": "Pear"})
    assert (response.status_code, "CSRF" in response.content.decode()) == (403, True)
    assert "Pear" not in office.text(path)


@pytest.mark.parametrize("tail", ["", "stock/", "withdraw/", "history/", "movements/"])
def test_no_page_has_code_or_styles_of_its_own(office: OfficeBrowser, apple: Product, tail: str):
    text = office.text(f"/office/products/{apple.id}/{tail}")
    assert re.findall(r"<style|\sstyle=|\son\w+=|\shx-on|<script(?! src=)|javascript:|hx-vals|\[\w+\]", text) == []


def test_htmx_neither_evaluates_nor_stores_anything(office: OfficeBrowser):
    (settings,) = re.findall(r"name=\"htmx-config\" content='([^']+)'", office.text("/office/products/"))
    for setting in ('"allowEval": false', '"includeIndicatorStyles": false', '"historyCacheSize": 0'):
        assert setting in settings


def test_htmx_is_the_published_file():
    folder = ROOT / "shop" / "office" / "static" / "office"
    (digest,) = re.findall(r"sha256 ([0-9a-f]{64})", (folder / "htmx.LICENSE").read_text("utf-8"))
    assert hashlib.sha256((folder / "htmx.min.js").read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("path", ["/office/", "/office/products/", "/office/users/", "/office/webhook-endpoints/mail/"])
def test_a_page_says_what_the_write_before_it_has_done(office: OfficeBrowser, path: str):
    assert "The delivery is due again." in office.text(f"{path}?done=redelivered")
    assert "alert-ok" not in office.text(f"{path}?done=unknown")
