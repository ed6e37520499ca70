"""The grocer's coupons: which were redeemed in which basket, and what each took off."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from statistics import median
from typing import NamedTuple

from shop.seeding.grocer import Coupon


class Discounted(NamedTuple):
    """A line of a basket from which a coupon took so many dollars."""

    household: int
    basket: int
    product: int
    day: date
    dollars: float


class Redemption(NamedTuple):
    """That a household redeemed a coupon on a day."""

    household: int
    coupon: int
    day: date


def redeemed(
    products: Mapping[int, frozenset[int]], redemptions: Iterable[Redemption], lines: Iterable[Discounted]
) -> Sequence[Coupon]:
    """Return the coupons with the baskets in which they were redeemed. `products` are those that each applies to.

    The data does not name the basket of a redemption, nor what a coupon takes off: the basket is the first one of the
    household on that day with a discount on one of these products, and the coupon takes off the median of these
    discounts. Redemptions without such a basket are left out.
    """
    of_day: dict[tuple[int, date], list[Discounted]] = defaultdict(list)
    for line in lines:
        of_day[line.household, line.day].append(line)
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for household, coupon, day in redemptions:
        fitting = (line for line in of_day[household, day] if line.product in products.get(coupon, ()))
        if first := next(fitting, None):
            found[coupon].setdefault(first.basket, first.dollars)
    return [
        Coupon(number=number, cents=round(100 * median(discounts.values())), baskets=tuple(sorted(discounts)))
        for number, discounts in sorted(found.items())
    ]
