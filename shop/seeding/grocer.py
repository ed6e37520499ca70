"""A grocer's own data, as rows: what it lists, and what its customers bought."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple


class Listing(NamedTuple):
    """A product as the grocer lists it; empty texts where it says nothing."""

    product: int
    manufacturer: int
    department: str
    brand: str
    category: str
    type: str
    size: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sales:
    """Purchase lines, column by column, ordered by instant and then by basket. `at` is in milliseconds since 1970,
    `value` what was paid for the line, in dollars."""

    household: Sequence[int]
    basket: Sequence[int]
    at: Sequence[int]
    product: Sequence[int]
    quantity: Sequence[int]
    value: Sequence[float]

    def baskets(self) -> Sequence[range]:
        """For each basket, in order, the places of its lines."""
        found, start = [], 0
        for _, lines in groupby(self.basket):
            end = start + sum(1 for _ in lines)
            found.append(range(start, end))
            start = end
        return found


class Coupon(NamedTuple):
    """A coupon: what it took off, in cents, and the baskets in which it was redeemed."""

    number: int
    cents: int
    baskets: Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grocer:
    """Households are numbered from 1 to `households`."""

    households: int
    listings: Sequence[Listing]
    sales: Sales
    coupons: Sequence[Coupon] = ()
