"""Vouchers: their terms, and what is told of them by events and the audit."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.domain.errors import NotFound, PreconditionFailed, VoucherCodeTaken
from shop.domain.events import EventQuery, EventType
from shop.domain.vouchers import VoucherKind
from tests.samples import a_request, a_voucher, again, issued


def test_a_new_voucher_is_read_as_it_was_written(shop):
    now = shop.clock.now()
    terms = {"minimum": 2000, "starts_at": now, "ends_at": now + timedelta(days=1), "limit": 9, "limit_per_customer": 1}
    voucher = issued(shop, kind=VoucherKind.AMOUNT, value=500, currency="EUR", **terms)
    assert shop.vouchers.get(voucher.code) == voucher
    assert voucher.redeemed == 0


def test_a_voucher_without_limits_is_read_as_it_was_written(shop):
    voucher = issued(shop, kind=VoucherKind.SHIPPING, value=0, currency=None)
    assert shop.vouchers.get(voucher.code) == voucher


def test_a_code_is_found_in_any_case(shop):
    voucher = issued(shop, code="WELCOME10")
    assert shop.vouchers.get("Welcome10") == voucher


def test_no_two_vouchers_have_one_code(shop):
    issued(shop, code="ONCE")
    with pytest.raises(VoucherCodeTaken):
        shop.vouchers.create(a_request(), a_voucher(shop, code="ONCE"))


def test_a_repeat_of_a_creation_gets_the_same_voucher(shop):
    request, voucher = a_request(), a_voucher(shop)
    first = shop.vouchers.create(request, voucher)
    assert shop.vouchers.create(again(request), a_voucher(shop, code=voucher.code)) == first


def test_an_unknown_voucher_is_not_found(shop):
    with pytest.raises(NotFound):
        shop.vouchers.get("NOTHING")
    with pytest.raises(NotFound):
        shop.vouchers.update(a_request(), "NOTHING", lambda voucher: voucher, None)
    with pytest.raises(NotFound):
        shop.vouchers.delete(a_request(), "NOTHING", None)


def test_an_edit_makes_the_next_version(shop):
    voucher, now = issued(shop), shop.clock.now()
    result = shop.vouchers.update(a_request(), voucher.code, lambda each: each.with_changes(at=now, limit=3), 1)
    assert result.value == replace(voucher, limit=3, updated_at=now, version=2)
    assert shop.vouchers.get(voucher.code) == result.value


def test_an_edit_of_another_version_is_refused(shop):
    voucher = issued(shop)
    with pytest.raises(PreconditionFailed):
        shop.vouchers.update(a_request(), voucher.code, lambda each: each, 2)
    with pytest.raises(PreconditionFailed):
        shop.vouchers.delete(a_request(), voucher.code, 2)
    assert shop.vouchers.get(voucher.code) == voucher


def test_a_deleted_voucher_is_gone_and_its_code_is_free(shop):
    voucher = issued(shop)
    shop.vouchers.delete(a_request(), voucher.code, 1)
    with pytest.raises(NotFound):
        shop.vouchers.get(voucher.code)
    assert shop.vouchers.page(10, None).results == []
    other = issued(shop, code=voucher.code)
    assert shop.vouchers.get(voucher.code).id == other.id != voucher.id


def test_vouchers_are_listed_by_code_in_pages(shop):
    vouchers = [issued(shop, code=code) for code in ("CCC", "AAA", "BBB")]
    first = shop.vouchers.page(2, None)
    assert [voucher.code for voucher in first.results] == ["AAA", "BBB"]
    second = shop.vouchers.page(2, first.next)
    assert second.results == [vouchers[0]]
    assert shop.vouchers.page(2, second.previous).results == first.results


def test_every_change_has_its_event(shop):
    voucher, now = issued(shop), shop.clock.now()
    shop.vouchers.update(a_request(), voucher.code, lambda each: each.with_changes(at=now, is_paused=True), None)
    shop.vouchers.delete(a_request(), voucher.code, None)
    events = shop.events.page(EventQuery(), 10, None).results
    assert [(event.type, event.object, event.data) for event in events] == [
        (EventType.VOUCHER_CREATED, voucher.code, {"version": 1}),
        (EventType.VOUCHER_UPDATED, voucher.code, {"version": 2, "is_paused": True}),
        (EventType.VOUCHER_DELETED, voucher.code, {"version": 2}),
    ]
