"""Vouchers over HTTP."""

import pytest

from shop.api import examples
from shop.domain.callers import Scope
from tests.samples import an_api_key, issued
from tests.unit.api.client import ApiClient, errors, problem

READ_ONLY = ("id", "redeemed", "is_paused", "created_at", "updated_at", "version")
NEW = {name: value for name, value in examples.VOUCHER.items() if name not in READ_ONLY}
TEN = {"code": "TEN", "kind": "percent", "value": "10"}


def test_a_voucher_is_made_of_every_field_that_is_sent(staff: ApiClient):
    created = staff.post("/vouchers/", NEW)
    assert (created.status_code, created.headers["Location"]) == (201, f"/api/v1/vouchers/{NEW['code']}/")
    body = created.json()
    assert {name: body[name] for name in NEW} == NEW
    assert (body["redeemed"], body["is_paused"], body["version"]) == (0, False, 1)
    assert staff.get(f"/vouchers/{NEW['code']}/").json() == body
    assert staff.get("/vouchers/").json()["results"] == [body]


def test_a_code_is_stored_in_upper_case_and_found_in_any(staff: ApiClient):
    assert staff.post("/vouchers/", {**TEN, "code": "welcome"}).json()["code"] == "WELCOME"
    assert staff.get("/vouchers/Welcome/").status_code == 200
    assert problem(staff.post("/vouchers/", {**TEN, "code": "WelCome"})) == (409, "voucher-code-taken")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"code": "no"}, "/code"),
        ({"code": "with space"}, "/code"),
        ({"kind": "gift"}, "/kind"),
        ({"value": "101"}, "/value"),
        ({"value": 10}, "/value"),
        ({"kind": "amount"}, "/currency"),
        ({"currency": "XXX"}, "/currency"),
        ({"limit": 0}, "/limit"),
        ({"starts_at": "yesterday"}, "/starts_at"),
        ({"redeemed": 1}, "/redeemed"),
    ],
)
def test_an_invalid_voucher_is_a_field_error(staff: ApiClient, change: dict, pointer: str):
    assert [each for each, _ in errors(staff.post("/vouchers/", {**TEN, **change}))] == [pointer]


def test_terms_are_replaced_and_the_code_stays(staff: ApiClient):
    staff.post("/vouchers/", NEW)
    path = f"/vouchers/{NEW['code']}/"
    replaced = staff.put(path, {"kind": "shipping"}).json()
    assert {name: replaced[name] for name in NEW if name not in ("code", "kind")} == dict.fromkeys(
        [name for name in NEW if name not in ("code", "kind")]
    )
    assert (replaced["code"], replaced["kind"], replaced["version"]) == (NEW["code"], "shipping", 2)
    assert errors(staff.put(path, {"kind": "shipping", "code": "OTHER"})) == [("/code", "read-only-field")]


def test_what_is_left_out_of_a_patch_stays(staff: ApiClient):
    before = staff.post("/vouchers/", NEW).json()
    after = staff.patch(f"/vouchers/{NEW['code']}/", {"limit": 5}).json()
    assert after == {**before, "limit": 5, "version": 2, "updated_at": after["updated_at"]}


def test_a_get_a_change_and_a_put_fit_together(staff: ApiClient):
    got = staff.post("/vouchers/", NEW)
    put = staff.put(f"/vouchers/{NEW['code']}/", {**got.json(), "limit": 7}, If_Match=got.headers["ETag"])
    assert (put.status_code, put.json()["limit"]) == (200, 7)
    late = staff.put(f"/vouchers/{NEW['code']}/", {**got.json(), "limit": 8}, If_Match=got.headers["ETag"])
    assert problem(late) == (412, "precondition-failed")


def test_a_voucher_is_paused_and_resumed(staff: ApiClient):
    staff.post("/vouchers/", TEN)
    assert staff.post("/vouchers/TEN/pause/").json()["is_paused"] is True
    assert staff.post("/vouchers/TEN/resume/").json()["is_paused"] is False
    assert staff.get("/vouchers/TEN/").json()["version"] == 3


def test_a_deleted_voucher_is_not_found(staff: ApiClient):
    staff.post("/vouchers/", TEN)
    assert staff.delete("/vouchers/TEN/").status_code == 204
    assert problem(staff.get("/vouchers/TEN/")) == (404, "not-found")
    assert problem(staff.post("/vouchers/TEN/pause/")) == (404, "not-found")


def test_a_repeat_with_the_same_key_creates_no_second_voucher(staff: ApiClient):
    first, second = (staff.post("/vouchers/", TEN, Idempotency_Key="one") for _ in range(2))
    assert (second.status_code, second.headers["Idempotent-Replayed"]) == (201, "true")
    assert first.content == second.content


def test_customers_do_not_see_vouchers(customer: ApiClient, anyone: ApiClient, shop):
    voucher = issued(shop)
    assert problem(customer.get(f"/vouchers/{voucher.code}/")) == (403, "forbidden")
    assert problem(anyone.get("/vouchers/")) == (401, "unauthenticated")


def test_a_key_with_the_scope_makes_vouchers(shop):
    secret = an_api_key(shop, Scope.VOUCHERS_WRITE).secret
    machine = ApiClient({"Authorization": f"Bearer {secret}"})
    assert machine.post("/vouchers/", TEN).status_code == 201
    assert problem(machine.get("/vouchers/")) == (403, "forbidden")


def test_staff_read_in_the_audit_what_was_changed(staff: ApiClient):
    staff.post("/vouchers/", TEN)
    staff.patch("/vouchers/TEN/", {"limit": 5})
    entry = staff.get("/audit/?operation=vouchers_partial_update").json()["results"][0]
    assert (entry["object"], entry["changes"]) == (
        "voucher:TEN",
        [{"field": "limit", "before": None, "after": "5"}],
    )
