"""The values of rows that are imported: what each column takes, as strictly as the API does."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any

from shop.domain import text
from shop.domain.errors import Invalid
from shop.domain.money import CURRENCIES, Money
from shop.domain.products import MAX_UNITS, ProductDetails
from shop.domain.transfers import ImportKind, RowError, StockRow
from shop.services.transfer_rows import MAX_QUOTED_CHARS, Row

PRODUCT_COLUMNS = (
    *("sku", "name", "description", "category", "company", "date_manufactured"),
    *("price", "currency", "stock"),
)
STOCK_COLUMNS = ("sku", "stock", "delta")
COLUMNS: Mapping[str, tuple[str, ...]] = {ImportKind.PRODUCTS: PRODUCT_COLUMNS, ImportKind.STOCK: STOCK_COLUMNS}
#: As the API has it, in shop/api/fields.py.
_SKU = re.compile("[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")
_PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile("-?[0-9]{1,10}")
#: What a new product has in the columns that a row leaves out; the others are required.
_DEFAULTS: Mapping[str, Any] = {
    "description": "",
    "category": "",
    "company": "",
    "date_manufactured": None,
    "stock": 0,
}


class _Refused(Exception):
    """A value is refused."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def product_values(row: Row) -> tuple[Mapping[str, Any], list[RowError]]:
    """Return the values of a row of products that it gives, and what is wrong with it."""
    values, errors = _parsed(row, _PRODUCT_VALUES)
    if "sku" not in values and not errors:
        errors.append(_required(row, "sku"))
    return values, errors


def new_product_errors(row: int, values: Mapping[str, Any]) -> list[RowError]:
    """Return what a row that makes a new product lacks."""
    return [
        RowError(row=row, column=name, code="required", detail="Give a value: the product is new.")
        for name in ("name", "price", "currency")
        if name not in values
    ]


def details_of(row: int, values: Mapping[str, Any], present: ProductDetails | None) -> ProductDetails | RowError:
    """Return the details of a product that a row makes of those that are present, or why it cannot."""
    before = present.values() if present else _DEFAULTS
    names = ("name", "description", "category", "company", "date_manufactured")
    price = values.get("price") or str(before["price"])
    currency = values.get("currency") or before["price"].currency
    try:
        money = Money.parse(price, currency)
    except Invalid as invalid:
        error = invalid.errors[0]
        return RowError(row=row, column=error.pointer.lstrip("/"), code=error.code, detail=error.detail)
    return ProductDetails(**{name: values.get(name, before.get(name)) for name in names}, price=money)


def stock_row(row: Row) -> StockRow | list[RowError]:
    """Return what a row of stock says, or what is wrong with it."""
    values, errors = _parsed(row, _STOCK_VALUES)
    if errors:
        return errors
    if "sku" not in values:
        return [_required(row, "sku")]
    if ("stock" in values) == ("delta" in values):
        detail = "Give `stock`, the units that there are to be, or `delta`, those to add; and not both."
        return [RowError(row=row.number, column="", code="one-of", detail=detail)]
    is_delta = "delta" in values
    return StockRow(
        row=row.number, sku=values["sku"], units=values["delta" if is_delta else "stock"], is_delta=is_delta
    )


def _parsed(row: Row, columns: Mapping[str, Callable[[Any], Any]]) -> tuple[dict[str, Any], list[RowError]]:
    if row.error:
        return {}, [row.error]
    values: dict[str, Any] = {}
    errors = []
    for name, value in row.values.items():
        if name not in columns:
            detail = "No such column: leave it out."
            return {}, [_error(row, name[:MAX_QUOTED_CHARS], "unknown-column", detail)]
        if value == "" and name not in _MAY_BE_EMPTY:
            # An empty cell is none.
            continue
        try:
            values[name] = columns[name](value)
        except _Refused as refused:
            errors.append(_error(row, name, refused.code, str(refused)))
    return values, errors


def _error(row: Row, column: str, code: str, detail: str) -> RowError:
    return RowError(row=row.number, column=column, code=code, detail=detail)


def _required(row: Row, column: str) -> RowError:
    return _error(row, column, "required", "Give a value.")


def _text(value: Any, max_chars: int = text.MAX_SHORT_CHARS, *, lines: bool = False) -> str:
    if not isinstance(value, str):
        raise _Refused("invalid", "Use text.")
    try:
        normal = text.normalize(value, max_chars)
    except text.UnusableText as error:
        raise _Refused(error.code, str(error)) from None
    if not text.is_clean(normal, lines=lines):
        raise _Refused("control", "Remove control characters.")
    if normal and not text.is_visible(normal):
        raise _Refused("invisible", "Use at least one visible character.")
    return normal


def _matching(pattern: re.Pattern[str], code: str, detail: str, value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _Refused(code, detail)
    return value


def _currency(value: Any) -> str:
    if not isinstance(value, str) or value not in CURRENCIES:
        raise _Refused("invalid-currency", "Use a current ISO 4217 code, such as EUR.")
    return value


def _day(value: Any) -> date | None:
    if value in (None, ""):
        return None
    try:
        return date.fromisoformat(_matching(_DAY, "invalid", "Use a date, as YYYY-MM-DD.", value))
    except ValueError:
        raise _Refused("invalid", "Use a date, as YYYY-MM-DD.") from None


def _units(minimum: int, value: Any) -> int:
    number = value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        number = int(value)
    if type(number) is not int or not minimum <= number <= MAX_UNITS:
        raise _Refused("bounds", f"Use a whole number from {minimum} to {MAX_UNITS}.")
    return number


_MAY_BE_EMPTY = ("description", "category", "company", "date_manufactured")
_SKU_VALUE = partial(
    _matching, _SKU, "invalid-sku", "Use 1 to 64 of A-Z a-z 0-9 . _ ~ -, beginning with a letter or digit."
)
_PRODUCT_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "sku": _SKU_VALUE,
    "name": _text,
    "description": partial(_text, max_chars=text.MAX_LONG_CHARS, lines=True),
    "category": _text,
    "company": _text,
    "date_manufactured": _day,
    "price": partial(_matching, _PRICE, "invalid-price", 'Use a decimal string, such as "19.99".'),
    "currency": _currency,
    "stock": partial(_units, 0),
}
_STOCK_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "sku": _SKU_VALUE,
    "stock": partial(_units, 0),
    "delta": partial(_units, -MAX_UNITS),
}
