import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.errors import Invalid
from shop.domain.money import (
    CURRENCIES,
    MAX_DIGITS,
    SCALE,
    STORED_CURRENCIES,
    WITHDRAWN_CURRENCIES,
    Money,
    scaled_amount,
)

amounts = st.builds(Money, minor=st.integers(0, 10**MAX_DIGITS - 1), currency=st.sampled_from(sorted(CURRENCIES)))
no_amounts = [
    "",
    ".",
    "-1",
    "+1",
    "1e3",
    " 1",
    "1 ",
    "1,5",
    "1.2.3",
    "1_000",
    "NaN",
    "Infinity",
    "²",
    "١",
    "x",
    "9" * 99,
]


@given(amounts)
def test_parsing_the_text_of_an_amount_returns_the_amount(amount):
    assert Money.parse(str(amount), amount.currency) == amount


@given(amounts)
def test_an_amount_has_exactly_the_digits_of_its_currency(amount):
    _, point, decimals = str(amount).partition(".")
    assert len(decimals) == CURRENCIES[amount.currency]
    assert bool(point) == bool(decimals)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("19.99", "EUR", 1999), ("0.05", "EUR", 5), ("500", "JPY", 500), ("1.234", "KWD", 1234), ("0.0001", "CLF", 1)],
)
def test_a_decimal_string_is_parsed_into_minor_units(text, currency, minor):
    assert Money.parse(text, currency) == Money(minor=minor, currency=currency)


@pytest.mark.parametrize("text", no_amounts)
def test_text_other_than_a_plain_decimal_number_is_an_invalid_price(text):
    with pytest.raises(Invalid) as raised:
        Money.parse(text, "EUR")
    assert [(error.pointer, error.code) for error in raised.value.errors] == [("/price", "invalid-price")]


@pytest.mark.parametrize(
    ("text", "currency"), [("1.999", "EUR"), ("1.5", "JPY"), ("1.2345", "KWD"), ("0.00001", "CLF")]
)
def test_a_price_has_no_more_decimals_than_its_currency(text, currency):
    with pytest.raises(Invalid, match=f"at most {CURRENCIES[currency]} decimals"):
        Money.parse(text, currency)


@given(st.sampled_from(sorted(CURRENCIES)))
def test_a_price_has_at_most_twelve_digits(currency):
    most = Money(minor=10**MAX_DIGITS - 1, currency=currency)
    with pytest.raises(Invalid):
        Money.parse(str(Money(minor=most.minor + 1, currency=currency)), currency)
    assert Money.parse(str(most), currency) == most


@pytest.mark.parametrize("currency", ["", "eur", "XXX", "XAU", "EURO", "DEM", "ANG", "BGN"])
def test_an_unknown_currency_is_a_field_error_at_currency(currency):
    with pytest.raises(Invalid) as raised:
        Money.parse("1", currency)
    assert [(error.pointer, error.code) for error in raised.value.errors] == [("/currency", "invalid-currency")]


def test_every_currency_fits_the_scale():
    assert all(0 <= digits <= SCALE for digits in CURRENCIES.values())


def test_amounts_of_different_currencies_compare_by_their_major_units():
    assert {Money.parse("7", currency).scaled for currency in CURRENCIES} == {7 * 10**SCALE}


@given(amounts)
def test_a_price_limit_scales_like_a_price(amount):
    assert scaled_amount(str(amount)) == amount.scaled


@pytest.mark.parametrize("text", [*no_amounts, "0.00001", "1000000000000"])
def test_text_that_is_no_price_is_no_price_limit(text):
    with pytest.raises(ValueError, match=r".*"):
        scaled_amount(text)


def test_the_currencies_are_those_of_iso_4217_as_published_in_2026():
    assert (CURRENCIES["XCG"], CURRENCIES["EUR"], CURRENCIES["JPY"]) == (2, 2, 0)
    assert not {"ANG", "BGN", "HRK", "XAU", "XTS"} & CURRENCIES.keys()


def test_an_amount_stored_in_a_withdrawn_currency_stays_readable():
    amount = Money(minor=1999, currency="BGN")
    assert (str(amount), amount.scaled) == ("19.99", 199_900)


def test_a_currency_is_current_or_withdrawn_and_never_both():
    assert not WITHDRAWN_CURRENCIES.keys() & CURRENCIES.keys()
    assert STORED_CURRENCIES == {**CURRENCIES, **WITHDRAWN_CURRENCIES}
