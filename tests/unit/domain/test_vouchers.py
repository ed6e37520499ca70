"""Vouchers: their terms, when they apply, and what they take off."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.errors import Invalid
from shop.domain.money import Money
from shop.domain.vouchers import (
    BASIS_POINTS,
    Voucher,
    VoucherKind,
    VoucherObstacle,
    VoucherUse,
    discount_of,
    minimum_text,
    obstacle_of,
    parse_terms,
    value_text,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MAX_MINOR = 2**53 - 1
VOUCHER = Voucher(
    id="01900000-0000-7000-8000-000000000000",
    code="TEN",
    kind=VoucherKind.PERCENT,
    value=1_000,
    is_paused=False,
    redeemed=0,
    created_at=NOW,
    updated_at=NOW,
    version=1,
)
USE = VoucherUse(items=Money(minor=5_000, currency="EUR"), at=NOW)
NONE = dict.fromkeys(("currency", "minimum", "starts_at", "ends_at", "limit", "limit_per_customer"))


def terms(**changes):
    return parse_terms(**{**NONE, "kind": VoucherKind.PERCENT, "value": "10", **changes})


@pytest.mark.parametrize(
    ("kind", "value", "items", "shipping", "discount"),
    [
        (VoucherKind.PERCENT, 1_000, 5_000, 490, 500),
        (VoucherKind.PERCENT, 1_000, 5_009, 490, 500),
        (VoucherKind.PERCENT, 1, 9_999, 0, 0),
        (VoucherKind.PERCENT, BASIS_POINTS, 5_001, 490, 5_001),
        (VoucherKind.AMOUNT, 500, 5_000, 490, 500),
        (VoucherKind.AMOUNT, 500, 300, 490, 300),
        (VoucherKind.SHIPPING, 0, 5_000, 490, 490),
        (VoucherKind.SHIPPING, 0, 5_000, 0, 0),
    ],
)
def test_a_voucher_takes_off(kind, value, items, shipping, discount):
    assert discount_of(kind, value, items, shipping) == discount


@given(st.sampled_from(VoucherKind), st.integers(1, BASIS_POINTS), st.integers(0, MAX_MINOR), st.integers(0, 10**12))
def test_no_voucher_takes_off_more_than_there_is(kind, value, items, shipping):
    limit = shipping if kind is VoucherKind.SHIPPING else items
    assert 0 <= discount_of(kind, value, items, shipping) <= limit


@pytest.mark.parametrize(
    ("changes", "obstacle"),
    [
        ({}, None),
        ({"is_paused": True}, VoucherObstacle.PAUSED),
        ({"starts_at": NOW}, None),
        ({"starts_at": NOW + SECOND}, VoucherObstacle.NOT_STARTED),
        ({"ends_at": NOW + SECOND}, None),
        ({"ends_at": NOW}, VoucherObstacle.ENDED),
        ({"limit": 2, "redeemed": 1}, None),
        ({"limit": 2, "redeemed": 2}, VoucherObstacle.EXHAUSTED),
        ({"currency": "EUR"}, None),
        ({"currency": "USD"}, VoucherObstacle.OTHER_CURRENCY),
        ({"currency": "EUR", "minimum": 5_000}, None),
        ({"currency": "EUR", "minimum": 5_001}, VoucherObstacle.BELOW_MINIMUM),
    ],
)
def test_a_voucher_applies_or_says_why_not(changes, obstacle):
    assert obstacle_of(replace(VOUCHER, **changes), USE) is obstacle


def test_a_voucher_that_does_not_exist_is_unknown():
    assert obstacle_of(None, USE) is VoucherObstacle.UNKNOWN


def test_a_customer_redeems_a_voucher_as_often_as_it_says():
    once = replace(VOUCHER, limit_per_customer=1, redeemed=7)
    assert obstacle_of(once, USE) is None
    assert obstacle_of(once, replace(USE, times_before=1)) is VoucherObstacle.EXHAUSTED_FOR_CUSTOMER


@pytest.mark.parametrize(
    ("text", "value", "again"), [("10", 1_000, "10.00"), ("0.01", 1, "0.01"), ("100", 10_000, "100.00")]
)
def test_a_percentage_is_stored_in_basis_points(text, value, again):
    parsed = terms(value=text)
    assert (parsed.value, value_text(parsed)) == (value, again)


def test_amounts_are_stored_in_minor_units():
    parsed = terms(kind=VoucherKind.AMOUNT, value="5", currency="EUR", minimum="19.90")
    assert (parsed.value, parsed.minimum, value_text(parsed), minimum_text(parsed)) == (500, 1_990, "5.00", "19.90")


def test_free_shipping_has_no_value():
    assert value_text(terms(kind=VoucherKind.SHIPPING, value=None)) is None


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"value": None}, "/value"),
        ({"value": "0"}, "/value"),
        ({"value": "100.01"}, "/value"),
        ({"value": "1.234"}, "/value"),
        ({"kind": VoucherKind.AMOUNT}, "/currency"),
        ({"kind": VoucherKind.AMOUNT, "value": None}, "/value"),
        ({"kind": VoucherKind.AMOUNT, "value": "0", "currency": "EUR"}, "/value"),
        ({"kind": VoucherKind.AMOUNT, "value": "1.234", "currency": "EUR"}, "/value"),
        ({"kind": VoucherKind.SHIPPING, "value": "1"}, "/value"),
        ({"minimum": "1"}, "/currency"),
        ({"minimum": "1.234", "currency": "EUR"}, "/minimum"),
        ({"starts_at": NOW, "ends_at": NOW}, "/ends_at"),
    ],
)
def test_terms_that_do_not_fit_are_refused(changes, pointer):
    with pytest.raises(Invalid) as refused:
        terms(**changes)
    assert [error.pointer for error in refused.value.errors] == [pointer]
