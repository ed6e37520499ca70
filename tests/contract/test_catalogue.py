"""Every filter in any combination, in every order, against a list that is filtered and sorted."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.money import Money
from shop.domain.products import Product, ProductOrder, ProductQuery
from shop.domain.text import MAX_PREFIX_CHARS, fold
from tests.contract.walks import forwards, there_and_back
from tests.samples import a_request, in_catalogue, products_page

NAMES = [
    "Éclair",
    "eclair",
    "Eclair grand",
    "ÉCLAIR au café",
    "Apfel",
    "apfelmus",
    "Zoë's tea",
    "a",
    "B-side",
    "東京 tea",
]
CATEGORIES = ["Süßes", "Süßes & Saures", "Tea", "Fruit"]
COMPANIES = ["Café Zürich", "Tea House", "Orchard & Sons"]
PRICES = [
    ("0.99", "EUR"),
    ("1.00", "EUR"),
    ("1.00", "USD"),
    ("1", "JPY"),
    ("1.000", "KWD"),
    ("100", "JPY"),
    ("99.99", "USD"),
]
LIMITS = [0, 9_899, 9_900, 10_000, 10_001, 999_900, 1_000_000, 2_000_000]
WORDS = [
    "e",
    "ecl",
    "eclair",
    "cafe",
    "tea",
    "zurich",
    "suss",
    "a",
    "apfel",
    "s",
    "東",
    "sku",
    "9",
    "nothing",
    "x" * MAX_PREFIX_CHARS,
]


def some(values):
    return st.none() | st.sampled_from(values)


queries = st.builds(
    ProductQuery,
    category=some(CATEGORIES),
    company=some(COMPANIES),
    currency=some(["EUR", "USD", "JPY", "KWD", "CHF"]),
    in_stock=st.none() | st.booleans(),
    min_price=some(LIMITS),
    max_price=some(LIMITS),
    words=st.frozensets(st.sampled_from(WORDS), max_size=2),
    order=st.sampled_from(ProductOrder),
    descending=st.booleans(),
)


@pytest.fixture(scope="module")
def filled(open_shop):
    """A shop, and its products in the order of their creation; some were edited, some withdrawn, some sold out."""
    with open_shop() as shop:
        yield shop, list(fill(shop, Random(7)))


def fill(shop, random):
    for number in range(70):
        price, currency = random.choice(PRICES)
        product = in_catalogue(
            shop,
            sku=f"SKU-{number}-{'x' * 40}",
            name=random.choice(NAMES),
            category=random.choice(CATEGORIES),
            company=random.choice(COMPANIES),
            price=Money.parse(price, currency),
            stock=random.choice([0, 1, 5]),
        )
        if number % 7 == 0:
            shop.products.withdraw(a_request(), product.id, None)
        else:
            yield meanwhile(shop, random, product)


def meanwhile(shop, random, product):
    if random.random() < 0.3:
        renamed = random.choice(NAMES), Money(minor=random.choice([99, 100]), currency="EUR")
        shop.products.update(
            a_request(), product.id, lambda p: p.with_changes(at=p.updated_at, name=renamed[0], price=renamed[1]), None
        )
    if random.random() < 0.3:
        shop.products.adjust_stock(a_request(), product.id, random.choice([3, -product.stock]), None)
    return shop.products.get(product.id)


def is_asked_for(product: Product, query: ProductQuery) -> bool:
    text = fold(f"{product.name} {product.company} {product.category} {product.sku}")
    found = "".join(letter if letter.isalnum() else " " for letter in text).split()
    return all(
        (
            query.category is None or product.category == query.category,
            query.company is None or product.company == query.company,
            query.currency is None or product.price.currency == query.currency,
            query.in_stock is None or query.in_stock != product.is_sold,
            query.min_price is None or product.price.scaled >= query.min_price,
            query.max_price is None or product.price.scaled <= query.max_price,
            all(any(word.startswith(beginning) for word in found) for beginning in query.words),
        )
    )


def expected(products: list[Product], query: ProductQuery) -> list[Product]:
    keys = {
        ProductOrder.CREATED_AT: lambda product: product.created_at,
        ProductOrder.PRICE: lambda product: product.price.scaled,
        ProductOrder.NAME: lambda product: fold(product.name),
    }
    ascending = sorted((p for p in products if is_asked_for(p, query)), key=keys[query.order])
    return ascending[::-1] if query.descending else ascending


def walked(shop, query, size):
    return there_and_back(lambda position: products_page(shop, query, size, position), size)


@given(query=queries, size=st.integers(1, 25))
def test_every_query_lists_what_it_asks_for_in_its_order(filled, query, size):
    shop, products = filled
    assert walked(shop, query, size) == expected(products, query)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ProductOrder)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_the_whole_catalogue_is_listed_in_every_order(filled, order, descending, size):
    shop, products = filled
    query = ProductQuery(order=order, descending=descending)
    assert walked(shop, query, size) == expected(products, query)


def test_ties_keep_the_order_of_creation(shop):
    tied = [in_catalogue(shop) for _ in range(12)]
    for order in ProductOrder:
        assert walked(shop, ProductQuery(order=order, descending=False), 5) == tied
        assert walked(shop, ProductQuery(order=order, descending=True), 5) == tied[::-1]


def test_names_are_ordered_whatever_their_case_and_accents(shop):
    names = ["zebra", "Éclair", "apple", "Zoo", "eclairs", "Ärger", "echo", "10", "9"]
    for name in names:
        in_catalogue(shop, name=name)
    query = ProductQuery(order=ProductOrder.NAME, descending=False)
    assert [p.name for p in walked(shop, query, 4)] == [
        "10", "9", "apple", "Ärger", "echo", "Éclair", "eclairs", "zebra", "Zoo",
    ]  # fmt: skip


def test_prices_are_ordered_by_amount_whatever_the_currencys_decimals(shop):
    prices = [("2", "JPY"), ("1.500", "KWD"), ("1.75", "EUR"), ("1.6000", "CLF"), ("999999999999", "JPY")]
    products = [in_catalogue(shop, price=Money.parse(*price)) for price in prices]
    query = ProductQuery(order=ProductOrder.PRICE, descending=False)
    assert walked(shop, query, 2) == [products[place] for place in (1, 3, 2, 0, 4)]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ProductOrder)
def test_a_page_holds_still_while_others_come_and_go(shop, order, descending):
    products = [in_catalogue(shop, name=f"m{n}", price=Money(minor=500 + n, currency="EUR")) for n in range(9)]
    query = ProductQuery(order=order, descending=descending)
    listed = products[::-1] if descending else products
    first = products_page(shop, query, 3, None)
    in_catalogue(shop, name="a", price=Money(minor=1, currency="EUR"))
    for gone in (listed[0], listed[2], listed[4]):
        shop.products.withdraw(a_request(), gone.id, None)
    second = products_page(shop, query, 3, first.next)
    in_catalogue(shop, name="z", price=Money(minor=999, currency="EUR"))
    assert second.results[:3] == [listed[3], listed[5], listed[6]]
    later = forwards(lambda position: products_page(shop, query, 3, position or second.next))
    rest = [product for page in later for product in page.results if product in products]
    assert rest == listed[7:]
    assert listed[1] in products_page(shop, query, 3, second.previous).results


def test_a_page_behind_the_last_entry_is_empty(shop):
    products = [in_catalogue(shop) for _ in range(2)]
    position = products_page(shop, ProductQuery(), 1, None).next
    shop.products.withdraw(a_request(), products[0].id, None)
    assert products_page(shop, ProductQuery(), 1, position).results == []


def test_an_edit_moves_a_product_to_where_it_belongs(shop):
    first, second = in_catalogue(shop, name="a"), in_catalogue(shop, name="b")
    shop.products.update(a_request(), first.id, lambda p: p.with_changes(at=p.updated_at, name="c"), None)
    query = ProductQuery(order=ProductOrder.NAME, descending=False)
    assert [product.id for product in walked(shop, query, 1)] == [second.id, first.id]


@pytest.mark.parametrize("words", [{"brul"}, {"creme", "b"}, {"kg2"}, {"orchard", "granny"}, {"co"}, {"desserts"}])
def test_a_search_finds_every_word_by_its_beginning_in_any_field(shop, words):
    found = in_catalogue(
        shop, name="Crème Brûlée (granny)", company="Orchard & Co", category="Desserts", sku="X-KG2", stock=1
    )
    in_catalogue(shop, name="Creme", company="Orchid", category="None", sku="Y")
    assert walked(shop, ProductQuery(words=frozenset(words)), 5) == [found]


@pytest.mark.parametrize("words", [{"rulee"}, {"green"}, {"creme", "missing"}, {"cremes"}])
def test_a_search_finds_no_middles_no_descriptions_and_not_just_one_of_the_words(shop, words):
    in_catalogue(shop, name="Crème Brûlée", description="A green one.")
    assert walked(shop, ProductQuery(words=frozenset(words)), 5) == []
