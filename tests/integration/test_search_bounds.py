"""A search costs no more in a larger catalogue: it is asked where millions of products have been created.

Bitmaps and columns have a place for each product that was ever created, so a catalogue of a few products whose numbers
are far apart is as large to a script as one that has them all.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from exactly_once.client import Node
from shop.domain.money import Money
from shop.domain.pages import MAX_PAGE_SIZE
from shop.domain.ports import Shop
from shop.domain.products import Product, ProductOrder, ProductQuery
from shop.repositories.keys import BITMAP_SUFFIX, Keys
from shop.repositories.product_batches import MAX_PRODUCTS
from shop.repositories.products import RedisProductRepository
from shop.repositories.scripts import shop_scripts
from tests.contract.walks import forwards
from tests.counted_store import CountedStore
from tests.fakes import fake_shop
from tests.samples import a_product, a_request, products_page

#: More than a set without a bitmap has, at each end of the numbers.
PRODUCTS_AT_EACH_END = 1_200
#: How far the ends are apart: so far that bitmaps of several sets can be combined, and farther.
EVER_CREATED = [1_200_000, 5_000_000]
#: Of one search: commands, elements of their replies, bytes of bitmaps and columns. All columns would be 80 MB.
MAX_COMMANDS, MAX_ELEMENTS, MAX_BYTES = 600, 30_000, 3_000_000
#: Words that are unpacked from bitmaps, and bounds of zones: a zone of a bitmap has 128. Two bitmaps of 1,200,000
#: products have 75,000, and their zones 600 bounds.
MAX_UNPACKED = 10_000

WORDS = ("apple", "fresh")
QUERIES = {
    "two words": ProductQuery(words=frozenset(WORDS)),
    "two words that never meet": ProductQuery(words=frozenset({"even", "odd"})),
    "a company and a category": ProductQuery(company="Orchard", category="even"),
    "a range of prices": ProductQuery(min_price=1_000_000, max_price=9_000_000),
    "prices of a company": ProductQuery(company="Orchard", min_price=1_000_000, max_price=9_000_000),
    "few prices": ProductQuery(min_price=1_000_000, max_price=1_050_000),
    "prices at odds with a word": ProductQuery(words=frozenset({"late"}), max_price=11_000_000),
    "all prefixes of the words": ProductQuery(
        words=frozenset(word[:end] for word in WORDS for end in range(1, len(word) + 1)), in_stock=True, currency="EUR"
    ),
}


#: Queries whose filters leave no choice but to combine bitmaps, up to a limit.
COMBINED = {"a range of prices", "few prices", "prices at odds with a word"}


@pytest.fixture(scope="module", params=EVER_CREATED)
def ever_created(request) -> int:
    count: int = request.param
    return count


@pytest.fixture(scope="module")
def store(data_node: Node, ever_created) -> CountedStore:
    return CountedStore(node=data_node, keys=Keys(f"test-{uuid4()}"), scripts=shop_scripts())


@pytest.fixture(scope="module")
def shop(store: CountedStore) -> Shop:
    return replace(fake_shop(), products=RedisProductRepository(store, store.keys))


@pytest.fixture(scope="module")
def products(store: CountedStore, shop: Shop, ever_created: int) -> Sequence[Product]:
    """The products, half of which were created millions of products later."""
    made = [a_product_of(shop, number) for number in range(2 * PRODUCTS_AT_EACH_END)]
    for start in range(0, len(made), MAX_PRODUCTS):
        if start == PRODUCTS_AT_EACH_END:
            store.node.run(("SET", store.keys.product_sequence, ever_created), timeout=60.0)
        shop.products.create_many(a_request(), made[start : start + MAX_PRODUCTS])
    for word, bits in (("even", b"\x55"), ("odd", b"\xaa")):
        fill_bitmap(store, f"{store.keys.word_prefix}{word}{BITMAP_SUFFIX}", bits, ever_created)
    store.costs.clear()
    return made


def fill_bitmap(store: CountedStore, bitmap: str, bits: bytes, ever_created: int) -> None:
    """Set these bits of each byte between the ends, so that no zone is empty, as in a catalogue that has them all."""
    first, last = PRODUCTS_AT_EACH_END // 8 + 1, ever_created // 8
    store.node.run(("SETRANGE", bitmap, first, bits * (last - first)), timeout=60.0)


def a_product_of(shop: Shop, number: int) -> Product:
    parity, age = "odd" if number % 2 else "even", "late" if number >= PRODUCTS_AT_EACH_END else "early"
    return a_product(
        shop,
        name=f"apple fresh {parity} {age} {number:05}",
        category=parity,
        company="Orchard",
        price=Money(minor=number * 100, currency="EUR"),
        stock=1,
    )


@pytest.mark.parametrize("order", ProductOrder)
@pytest.mark.parametrize("name", QUERIES)
def test_a_search_costs_no_more_where_millions_of_products_were_created(store, shop, products, name, order):
    query = QUERIES[name]
    asked = replace(query, order=order, descending=False)
    store.costs.clear()
    pages = forwards(lambda position: products_page(shop, asked, MAX_PAGE_SIZE, position))
    costs = [cost for some in store.costs.values() for cost in some]
    assert max(cost.commands for cost in costs) <= MAX_COMMANDS
    assert max(cost.elements for cost in costs) <= MAX_ELEMENTS
    assert max(cost.bytes for cost in costs) <= MAX_BYTES
    assert name in COMBINED or max(cost.unpacked for cost in costs) <= MAX_UNPACKED
    found = [product.name for page in pages for product in page.results]
    expected = [product.name for product in products if is_asked_for(product, query)]
    assert found == (sorted(expected) if order is ProductOrder.NAME else expected)


def is_asked_for(product: Product, query: ProductQuery) -> bool:
    words = product.name.split()
    return (
        query.category in (None, product.category)
        and (query.min_price or 0) <= product.price.scaled <= (query.max_price or 10**20)
        and all(any(word.startswith(beginning) for word in words) for beginning in query.words)
    )
