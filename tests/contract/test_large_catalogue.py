"""With thousands of entries a store looks for them in other ways than with a few; what it finds is the same."""

import pytest

from shop.domain.money import Money
from shop.domain.products import ProductOrder, ProductQuery
from tests.contract.walks import backwards
from tests.many import write_all
from tests.samples import a_product, a_request, a_user, products_page

PRODUCTS, USERS, AT_ONCE, PAGES, SIZE = 6_000, 2_400, 300, 3, 100
LATE = PRODUCTS - 1_700

#: Frequent and rare sets, alone and together, with and against the order, narrow and wide ranges of prices.
QUERIES = {
    "everything": {},
    "a frequent set": {"category": "even"},
    "a rare set": {"company": "rare"},
    "a frequent set at one end of the order": {"words": frozenset({"late"})},
    "a set that is empty": {"words": frozenset({"nothing"})},
    "frequent sets that meet often": {"category": "even", "words": frozenset({"apple"})},
    "frequent sets that meet seldom": {"category": "even", "words": frozenset({"late", "app"}), "in_stock": False},
    "frequent sets that never meet": {"category": "even", "words": frozenset({"odd"})},
    "a wide range": {"min_price": 1_000_000, "max_price": 50_000_000},
    "a range at one end of the order": {"min_price": LATE * 10_000},
    "a narrow range": {"min_price": 10_000_000, "max_price": 10_900_000},
    "a narrow range of a frequent set": {"min_price": 10_000_000, "max_price": 10_900_000, "category": "even"},
    "a wide range of a frequent set": {"max_price": 50_000_000, "category": "even"},
    "a range at one end of a frequent set": {"min_price": LATE * 10_000, "words": frozenset({"apple"})},
    "an empty range": {"min_price": 2, "max_price": 1},
}


@pytest.fixture(scope="module")
def filled(open_shop):
    with open_shop() as shop:
        products = [nth(shop, number) for number in range(PRODUCTS)]
        write_all(shop.products.create_all, [(a_request(), product) for product in products], AT_ONCE)
        users = [
            (a_request(), a_user(shop, email=f"{'ada' if n % 9 else 'eve'}{n}@x.de"), "kept") for n in range(USERS)
        ]
        write_all(shop.users.register_all, users, AT_ONCE)
        yield shop, products, [user for _, user, _ in users]


def nth(shop, number):
    parity = "odd" if number % 2 else "even"
    return a_product(
        shop,
        name=f"apple {parity} {'late' if number >= LATE else 'early'} {(number * 7919) % PRODUCTS:05}",
        category=parity,
        company="frequent" if number % 100 else "rare",
        price=Money(minor=number * 100, currency="EUR"),
        stock=number % 10,
    )


def is_asked_for(product, query):
    words = f"{product.name} {product.category} {product.company}".split()
    return (
        query.category in (None, product.category)
        and query.company in (None, product.company)
        and query.in_stock in (None, not product.is_sold)
        and (query.min_price or 0) <= product.price.scaled <= (query.max_price or 10**20)
        and all(any(word.startswith(beginning) for word in words) for beginning in query.words)
    )


def first_pages(page_at):
    """The entries of the first pages, having seen that the way back shows the same."""
    pages = [page_at(None)]
    while pages[-1].next and len(pages) < PAGES:
        pages.append(page_at(pages[-1].next))
    assert [page.results for page in backwards(page_at, pages[-1])] == [page.results for page in pages[:-1]]
    return [entry for page in pages for entry in page.results]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ProductOrder)
@pytest.mark.parametrize("asked", QUERIES.values(), ids=QUERIES)
def test_a_large_catalogue_is_listed_as_a_small_one(filled, asked, order, descending):
    shop, products, _ = filled
    query = ProductQuery(**asked, order=order, descending=descending)
    found = [product for product in products if is_asked_for(product, query)]
    found.sort(key=lambda p: p.name if order is ProductOrder.NAME else p.id, reverse=descending)
    assert first_pages(lambda position: products_page(shop, query, SIZE, position)) == found[: PAGES * SIZE]


@pytest.mark.parametrize("search", ["", "a", "ada", "ada1", "eve", "x"])
def test_many_users_are_searched_as_a_few(filled, search):
    shop, _, users = filled
    found = [user for user in reversed(users) if user.email.startswith(search)]
    assert first_pages(lambda position: shop.users.page(search, SIZE, position)) == found[: PAGES * SIZE]


def test_a_category_cannot_name_the_bitmap_of_another(filled):
    shop, _, _ = filled
    product = a_product(shop, category="even:bits")
    shop.products.create(a_request(), product)
    assert [found.id for found in products_page(shop, ProductQuery(category="even:bits"), 9, None).results] == [
        product.id
    ]
    shop.products.withdraw(a_request(), product.id, None)
