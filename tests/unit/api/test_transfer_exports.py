"""Exports over HTTP: the file, who may have it, and that an import reads what it has."""

import csv
import io

import orjson
import pytest
from django.test import Client

from shop.domain.callers import Scope
from shop.services import transfer_exports
from shop.services.imports import LEASE
from shop.services.purchases import purchase_cancel, purchase_pay
from shop.work import transfers
from tests.cart_samples import ADDRESS, EMAIL, a_ready_cart, change, checked_out
from tests.samples import a_request, an_api_key, as_staff, in_catalogue, placed, registered, units
from tests.unit.api.client import ApiClient, errors, problem

PATH = "/exports/"


def exported(shop, client, **body):
    created = client.post(PATH, body)
    assert created.status_code == 201
    while transfers.run(shop):
        pass
    return client.get(f"{PATH}{created.json()['id']}/").json()


def file_of(client, export):
    response = Client().get(f"/api/v1{PATH}{export['id']}/file/", headers=client._headers)
    assert response.status_code == 200
    return response.getvalue()


def test_products_are_exported_as_an_import_takes_them(shop, staff):
    products = [in_catalogue(shop, sku=f"A-{n}", name="=1+1" if n == 7 else f"Pear {n}") for n in range(130)]
    export = exported(shop, staff, kind="products")
    data = file_of(staff, export)
    assert (export["status"], export["rows_done"], export["bytes"]) == ("done", 130, len(data))
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert {row["sku"] for row in rows} == {product.sku for product in products}
    assert [row["name"] for row in rows if row["sku"] == "A-7"] == ["'=1+1"]
    made = staff.send("POST", "/imports/?kind=products", data, Content_Type="text/csv").json()
    while transfers.run(shop):
        pass
    report = staff.get(f"/imports/{made['id']}/").json()
    assert (report["rows_done"], report["row_errors"]) == (130, [])
    assert {shop.products.get(product.id).version for product in products} == {1}


def bought_by_a_guest(shop, product):
    cart, caller = a_ready_cart(shop, product, 1)
    change(shop, cart, caller, shipping_address=ADDRESS)
    return checked_out(shop, cart, caller)


def test_no_file_says_which_guests_bought_what_they_did_not_pay(shop, staff):
    product = in_catalogue(shop, stock=100)
    waiting, cancelled, refunded = (bought_by_a_guest(shop, product) for _ in range(3))
    as_one = {"shop": shop, "caller": as_staff(shop)}
    purchase_cancel(request=a_request(), id=cancelled.id, **as_one)
    purchase_pay(request=a_request(), id=refunded.id, **as_one)
    purchase_cancel(request=a_request(), id=refunded.id, **as_one)
    export = exported(shop, staff, kind="purchases", format="ndjson")
    rows = {row["id"]: row for row in map(orjson.loads, file_of(staff, export).splitlines())}
    assert rows[waiting.id]["email"] == rows[refunded.id]["email"] == EMAIL
    assert rows[waiting.id]["shipping_address"]
    assert (rows[cancelled.id]["status"], rows[cancelled.id]["email"]) == ("cancelled", None)
    assert rows[cancelled.id]["shipping_address"] is None


def test_purchases_are_exported_with_their_items(shop, staff, ada):
    product = in_catalogue(shop, stock=100)
    made = [placed(shop, ada.id, units(product, 2)) for _ in range(3)]
    export = exported(shop, staff, kind="purchases", format="ndjson")
    rows = [orjson.loads(line) for line in file_of(staff, export).splitlines()]
    assert [row["id"] for row in rows] == [purchase.id for purchase in made]
    assert rows[0]["items"][0]["quantity"] == 2
    later = exported(shop, staff, kind="purchases", since="2100-01-01T00:00:00Z")
    assert later["rows_done"] == 0
    assert file_of(staff, later).startswith(b"id,user,status")


def test_a_step_ends_where_its_rows_are_many_bytes(shop, staff, monkeypatch):
    monkeypatch.setattr(transfer_exports, "STEP_BYTES", 1)
    products = [in_catalogue(shop) for _ in range(50)]
    export = exported(shop, staff, kind="products")
    assert shop.transfers.transfers[export["id"]].step == 3
    rows = csv.DictReader(io.StringIO(file_of(staff, export).decode()))
    assert sorted(row["sku"] for row in rows) == sorted(product.sku for product in products)


def test_a_file_without_rows_is_empty(shop, staff):
    export = exported(shop, staff, kind="purchases", format="ndjson")
    assert (export["status"], export["bytes"], file_of(staff, export)) == ("done", 0, b"")


def test_users_are_exported(shop, staff):
    users = [registered(shop) for _ in range(30)]
    rows = list(csv.DictReader(io.StringIO(file_of(staff, exported(shop, staff, kind="users")).decode())))
    assert {user.id for user in users} <= {row["id"] for row in rows}


@pytest.mark.parametrize(
    ("body", "pointer"), [({}, "/kind"), ({"kind": "stock"}, "/kind"), ({"kind": "users", "format": "xml"}, "/format")]
)
def test_an_export_that_is_not_valid_is_refused(staff, body, pointer):
    assert [each for each, _ in errors(staff.post(PATH, body))] == [pointer]


def test_a_file_is_there_once_it_is_done_until_it_is_deleted(shop, staff):
    created = staff.post(PATH, {"kind": "products"}).json()
    file = f"{PATH}{created['id']}/file/"
    assert problem(staff.get(file)) == (409, "file-not-ready")
    while transfers.run(shop):
        pass
    assert file_of(staff, created)
    assert staff.delete(f"{PATH}{created['id']}/").status_code == 204
    assert problem(staff.get(file)) == (409, "file-not-ready")
    assert staff.get(f"{PATH}{created['id']}/").json()["status"] == "done"
    assert [each["id"] for each in staff.get(PATH).json()["results"]] == [created["id"]]


def test_a_file_is_for_whom_has_asked_for_it(shop, staff):
    export = exported(shop, staff, kind="products")
    machine = ApiClient(
        {"Authorization": f"Bearer {an_api_key(shop, Scope.EXPORTS_WRITE, Scope.CATALOGUE_READ).secret}"}
    )
    assert machine.get(f"{PATH}{export['id']}/").status_code == 200
    assert problem(machine.get(f"{PATH}{export['id']}/file/")) == (404, "not-found")


@pytest.mark.parametrize(
    ("kind", "scope"),
    [("products", Scope.CATALOGUE_READ), ("purchases", Scope.PURCHASES_READ), ("users", Scope.USERS_READ)],
)
def test_an_api_key_needs_the_scope_that_reads_what_it_exports(shop, kind, scope):
    with_scope, without = (
        ApiClient({"Authorization": f"Bearer {an_api_key(shop, *scopes).secret}"})
        for scopes in ((Scope.EXPORTS_WRITE, scope), (Scope.EXPORTS_WRITE, Scope.AUDIT_READ))
    )
    assert with_scope.post(PATH, {"kind": kind}).status_code == 201
    assert problem(without.post(PATH, {"kind": kind})) == (403, "forbidden")


def test_a_cancelled_export_is_not_written(shop, staff):
    created = staff.post(PATH, {"kind": "products"}).json()
    staff.delete(f"{PATH}{created['id']}/")
    assert not transfers.run(shop)
    assert staff.get(f"{PATH}{created['id']}/").json()["status"] == "cancelled"
    assert shop.transfers.claim(a_request(), LEASE).value is None
