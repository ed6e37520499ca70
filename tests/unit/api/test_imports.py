"""Imports over HTTP: the upload, what becomes of it, and who may."""

import pytest

from shop.api import imports, limits
from shop.domain.callers import Scope
from shop.domain.transfers import MAX_STORED, Direction, TransferStatus
from shop.services import uploads
from shop.services.imports import LEASE
from shop.work import transfers
from tests.samples import a_request, an_api_key, in_catalogue
from tests.unit.api.client import ApiClient, errors, problem

PATH = "/imports/"
CSV = "text/csv; charset=utf-8"
DATA = b"sku,name,price,currency\nA-1,Pear,1.00,EUR\nA-2,,1.00,EUR\n"


def upload(client, data=DATA, kind="products", media_type=CSV, **headers):
    return client.send("POST", f"{PATH}?kind={kind}", data, Content_Type=media_type, **headers)


def worked(shop):
    while transfers.run(shop):
        pass


def test_an_import_is_created_carried_out_and_reported(shop, staff):
    created = upload(staff)
    body = created.json()
    assert (created.status_code, body["status"], body["bytes"]) == (201, "queued", len(DATA))
    assert created["Location"].endswith(f"{PATH}{body['id']}/")
    worked(shop)
    report = staff.get(f"{PATH}{body['id']}/").json()
    assert (report["status"], report["rows_done"], report["rows_failed"], report["bytes_done"]) == (
        "done",
        1,
        1,
        len(DATA),
    )
    assert [(each["row"], each["column"], each["code"]) for each in report["row_errors"]] == [(2, "name", "required")]
    assert [each["id"] for each in staff.get(PATH).json()["results"]] == [body["id"]]
    assert shop.products.get_by_sku("A-1").name == "Pear"


def test_json_lines_of_stock_are_imported(shop, staff):
    product = in_catalogue(shop, sku="A-1", stock=1)
    created = upload(staff, b'{"sku": "A-1", "delta": 4}\n', "stock", "application/x-ndjson")
    assert created.status_code == 201
    worked(shop)
    assert shop.products.get(product.id).stock == 5


def test_a_repeat_with_the_same_key_is_the_same_import(shop, staff):
    first, second = (upload(staff, Idempotency_Key="once") for _ in range(2))
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    other = DATA.replace(b"Pear", b"Plum")
    assert len(other) == len(DATA)
    assert problem(upload(staff, other, Idempotency_Key="once")) == (422, "idempotency-key-reused")
    assert problem(upload(staff, DATA + b"\n", Idempotency_Key="once")) == (422, "idempotency-key-reused")
    worked(shop)
    assert upload(staff, Idempotency_Key="once").json()["status"] == "done"


@pytest.mark.parametrize("media_type", ["application/json", "application/gzip", "multipart/form-data; boundary=x", ""])
def test_another_media_type_is_refused(staff, media_type):
    assert problem(upload(staff, media_type=media_type)) == (415, "unsupported-media-type")


def test_compressed_data_is_refused(staff):
    assert problem(upload(staff, Content_Encoding="gzip")) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [("", "kind", "required"), ("?kind=users", "kind", "invalid"), ("?kind=stock&mode=set", "mode", "unknown-field")],
)
def test_a_query_without_a_known_kind_is_refused(staff, query, pointer, code):
    refused = staff.send("POST", f"{PATH}{query}", DATA, Content_Type=CSV)
    assert errors(refused) == [(pointer, code)]


@pytest.mark.parametrize(("data", "code"), [(b"\xff", "not-utf-8"), (b"sku;name\n", "unknown-column")])
def test_data_that_cannot_be_read_is_refused(staff, data, code):
    assert errors(upload(staff, data)) == [("", code)]


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(staff, monkeypatch):
    monkeypatch.setattr(limits, "MAX_UPLOAD_BYTES", len(DATA) - 1)
    assert problem(upload(staff)) == (413, "payload-too-large")


def test_a_file_is_larger_than_other_bodies_may_be_and_only_as_an_import(staff):
    data = DATA + b"\n" * limits.MAX_BODY_BYTES
    assert upload(staff, data).status_code == 201
    assert problem(upload(staff, data, media_type="application/json")) == (413, "payload-too-large")
    refused = staff.send("POST", "/products/", data, Content_Type=CSV)
    assert problem(refused) == (413, "payload-too-large")


def test_no_more_uploads_are_received_at_once_than_may_be(staff):
    for _ in range(imports.MAX_UPLOADS):
        assert imports._UPLOADS.acquire(blocking=False)
    try:
        assert problem(upload(staff)) == (503, "store-unavailable")
    finally:
        for _ in range(imports.MAX_UPLOADS):
            imports._UPLOADS.release()
    assert upload(staff).status_code == 201


@pytest.mark.parametrize(("headers", "status"), [({}, "cancelled"), ({"Idempotency_Key": "once"}, "receiving")])
def test_an_upload_that_breaks_off_waits_to_be_repeated_only_under_a_key(monkeypatch, staff, headers, status):
    receive = uploads.import_receive
    monkeypatch.setattr(uploads, "import_receive", lambda size, **given: receive(size=size + 9, **given))
    assert problem(upload(staff, **headers)) == (400, "malformed-body")
    assert staff.get(PATH).json()["results"][0]["status"] == status


def test_data_that_was_refused_under_a_key_needs_another_one(staff):
    assert errors(upload(staff, b"sku;name\n", Idempotency_Key="once")) == [("", "unknown-column")]
    assert problem(upload(staff, b"sku,name\n", Idempotency_Key="once")) == (409, "upload-lost")


def test_no_more_imports_are_stored_than_may_be_until_one_is_cancelled(shop, staff):
    made = [upload(staff).json()["id"] for _ in range(MAX_STORED)]
    assert problem(upload(staff)) == (409, "too-many-transfers")
    assert staff.delete(f"{PATH}{made[0]}/").status_code == 204
    assert shop.transfers.get(Direction.IMPORT, made[0]).status is TransferStatus.CANCELLED
    assert upload(staff).status_code == 201


def test_an_unknown_import_is_not_found(shop, staff):
    id = shop.ids.new(shop.clock.now())
    assert problem(staff.get(f"{PATH}{id}/")) == (404, "not-found")
    assert problem(staff.delete(f"{PATH}{id}/")) == (404, "not-found")


@pytest.mark.parametrize(
    ("scopes", "kind", "status"),
    [
        (["imports:write"], "products", 403),
        (["imports:write", "catalogue:write"], "products", 201),
        (["imports:write", "catalogue:write"], "stock", 403),
        (["imports:write", "stock:write"], "stock", 201),
        (["catalogue:write", "stock:write"], "stock", 403),
    ],
)
def test_an_api_key_needs_the_scope_of_what_it_imports_too(shop, scopes, kind, status):
    data = DATA if kind == "products" else b"sku,stock\nA-1,1\n"
    machine = ApiClient({"Authorization": f"Bearer {an_api_key(shop, *map(Scope, scopes)).secret}"})
    assert upload(machine, data, kind).status_code == status


def test_the_audit_has_who_imported_what(shop, staff):
    made = upload(staff).json()["id"]
    staff.delete(f"{PATH}{made}/")
    entries = [entry for entry in staff.get("/audit/").json()["results"] if entry["object"] == f"transfer:{made}"]
    assert [entry["operation"] for entry in entries] == ["imports_destroy", "imports_create"]
    assert {"field": "kind", "before": None, "after": "products"} in entries[1]["changes"]


def test_a_claimed_import_is_running(shop, staff):
    made = upload(staff).json()["id"]
    shop.transfers.claim(a_request(), LEASE)
    assert staff.get(f"{PATH}{made}/").json()["status"] == "running"
