"""A store that makes requests costly: many products with common words, purchases of many lines, long texts."""

from collections.abc import Sequence
from dataclasses import dataclass

from shop.domain.callers import Role
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import MAX_LINES
from shop.domain.text import MAX_LONG_CHARS
from shop.domain.users import User
from tests.many import write_all
from tests.samples import a_product, a_request, euros, placed, registered, units

BATCH = 50
#: Products and purchases of the greatest length: a page of either is the longest answer, and one of purchases is cut.
LONG_PRODUCTS, LONG_PURCHASES = 110, 25
#: Words that all products share, so that their sets are as large as the catalogue.
COMMON_WORDS = " ".join(letter * 3 for letter in "abcdefgh")
#: A name and the like with as many different prefixes as there can be: eight words of 24 letters in each.
NAME, COMPANY, CATEGORY = (" ".join(f"{letter}{filling * 23}" for letter in "abcdefgh") for filling in ("x", "y", "z"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """Whom and what the store has."""

    customer: User
    staff: User
    #: As many as a purchase has lines.
    products: Sequence[Product]


def fill(shop: Shop, products: int) -> Contents:
    """Register two users, and create so many products and LONG_PURCHASES purchases."""
    customer, staff = registered(shop), registered(shop, role=Role.STAFF)
    made = [_a_common_product(shop, number) for number in range(products)]
    made += [_a_long_product(shop, number) for number in range(LONG_PRODUCTS)]
    write_all(shop.products.create_all, [(a_request(), product) for product in made], BATCH)
    bought = made[-MAX_LINES:]
    for _ in range(LONG_PURCHASES):
        placed(shop, customer.id, *(units(product, 1) for product in bought))
    return Contents(customer=customer, staff=staff, products=bought)


def _a_common_product(shop: Shop, number: int) -> Product:
    return a_product(
        shop,
        name=f"{COMMON_WORDS} {number % 7}",
        category=f"category {number % 5}",
        company=f"company {number % 3}",
        price=euros(f"{number % 500}.{number % 100:02}"),
        stock=number % 4,
    )


def _a_long_product(shop: Shop, number: int) -> Product:
    return a_product(
        shop,
        name="\u00e9" * 200,
        category="\u00e9" * 200,
        company="\u00e9" * 200,
        description="\u00e9" * MAX_LONG_CHARS,
        price=euros("9999999999.99"),
        stock=1_000_000_000,
    )
