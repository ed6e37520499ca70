"""What there is to load."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from shop.domain.products import Product
from shop.domain.purchases import Line
from shop.domain.users import User

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """A purchase to be placed."""

    id: str
    user: str
    lines: Sequence[Line]
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Section(Generic[T]):
    """Things of one kind: the ids of all of them, and what makes the one at a place, once it is known to be missing."""

    ids: Sequence[str]
    make: Callable[[int], T]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Everything to be loaded, in the order in which it depends on each other; `left_out` says of what in the data
    there is how much that is not loaded, and why."""

    users: Section[User]
    products: Section[Product]
    purchases: Section[Placement]
    left_out: Sequence[str] = ()


def opening_stock(demand: int, chance: int) -> int:
    """Units for a product of which `demand` will be bought: so many and some more. `chance`, from 0 to 999, makes one
    product in a hundred sell out, and two in a hundred end up with a handful."""
    if chance < 10:
        return demand
    if chance < 30:
        return demand + 1 + chance % 3
    return demand + 5 + demand // 4 + chance % 50
