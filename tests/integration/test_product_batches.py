"""Products that are created many at a time have the records and index entries of products that are created alone."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from exactly_once.client import Node
from operations import bootstrap
from shop.bootstrap import Container
from shop.domain.money import Money
from shop.domain.products import Product
from shop.repositories.keys import BITMAP_SUFFIX
from shop.repositories.product_batches import MAX_PRODUCTS
from shop.seeding import madeup
from shop.seeding.madeup import Numbers
from tests.integration.auditing import a_shop
from tests.many import write_all
from tests.samples import a_product, a_request, again
from tests.store_access import operator_node

MANY = 1_300
TIMEOUT_S = 30.0
#: Bitmaps and columns are no text.
DIGEST = "return redis.sha1hex(redis.call('GET', KEYS[1]))"
READ = {
    "string": lambda key: ("EVAL", DIGEST, 1, key),
    "hash": lambda key: ("HGETALL", key),
    "set": lambda key: ("SMEMBERS", key),
    "zset": lambda key: ("ZRANGE", key, 0, -1),
}


@pytest.fixture
def containers(redis_stack) -> Iterator[tuple[Container, Container]]:
    with a_shop(redis_stack) as one, a_shop(redis_stack) as many:
        yield one, many


@pytest.fixture
def primary(redis_stack) -> Iterator[Node]:
    with closing(operator_node(redis_stack.layout.redis[redis_stack.primary])) as node:
        yield node


def contents(primary: Node, container: Container) -> dict[str, object]:
    """What the store has of products, by key without the store's name."""
    start = container.keys.key("")
    found, cursor = {}, "0"
    while True:
        ((cursor, names),) = primary.run(("SCAN", cursor, "MATCH", f"{start}*", "COUNT", 5000), timeout=TIMEOUT_S)
        products = [name for name in names if name.removeprefix(start).startswith(("product", "skus"))]
        kinds = primary.run(*(("TYPE", name) for name in products), timeout=TIMEOUT_S) if products else []
        values = primary.run(*(READ[k](n) for k, n in zip(kinds, products, strict=True)), timeout=TIMEOUT_S)
        for name, kind, value in zip(products, kinds, values, strict=True):
            found[name.removeprefix(start)] = as_plain(kind, value)
        if cursor == "0":
            return found


def as_plain(kind: str, value: Any) -> object:
    if kind == "hash":
        return dict(zip(value[::2], value[1::2], strict=True))
    return sorted(value) if kind in ("set", "zset") else value


def odd_products(container: Container) -> list[Product]:
    shop = container.shop
    return [
        a_product(shop, stock=0, category="", company="", date_manufactured=None),
        a_product(shop, name='Crème brûlée 🍮 \'n "more"', category="Süßes", price=Money(minor=0, currency="JPY")),
        a_product(shop, name="n" * 200, description="x" * 9_000, price=Money(minor=10**12, currency="KWD")),
        a_product(shop, name="1,000", created_at=a_product(shop).created_at.replace(year=1999)),
    ]


def create_in_batches(container: Container, products: list[Product]) -> frozenset[str]:
    starts = range(0, len(products), MAX_PRODUCTS)
    batches = [products[start : start + MAX_PRODUCTS] for start in starts]
    refused = [container.shop.products.create_many(a_request(), batch).value for batch in batches]
    return frozenset().union(*refused)


def test_every_key_is_what_it_is_after_creations_one_by_one(containers, primary):
    one, many = containers
    made_up = madeup.plan(Numbers(users=1, products=MANY, purchases=0, seed=7)).products
    products = [*odd_products(one), *map(made_up.make, range(MANY))]
    requests = [(a_request(), product) for product in products]
    write_all(one.shop.products.create_all, requests, MAX_PRODUCTS)
    assert create_in_batches(many, products) == frozenset()
    alone, together = contents(primary, one), contents(primary, many)
    # A set may wait for its bitmap, the one here and the other there.
    assert {key for key in together.keys() ^ alone.keys() if not key.endswith(BITMAP_SUFFIX)} == set()
    common = together.keys() & alone.keys()
    assert {key for key in common if together[key] != alone[key]} == set()
    assert len([key for key in common if key.endswith(BITMAP_SUFFIX)]) > 5
    assert bootstrap.auditor(many).audit(lambda what: None).violations == []


def test_products_whose_sku_is_taken_are_left_out_and_the_others_are_whole(containers):
    _, many = containers
    taken = a_product(many.shop)
    products = [a_product(many.shop) for _ in range(5)]
    products[0], products[3] = replace(products[0], sku=taken.sku), replace(products[3], sku=products[1].sku)
    many.shop.products.create(a_request(), taken)
    assert create_in_batches(many, products) == {products[0].id, products[3].id}
    assert create_in_batches(many, products[:1]) == {products[0].id}
    assert bootstrap.auditor(many).audit(lambda what: None).violations == []
    assert many.shop.products.get(products[4].id) == products[4]


def test_a_repeat_of_many_gets_the_recorded_outcome(containers):
    _, many = containers
    request, products = a_request(), [a_product(many.shop) for _ in range(2)]
    first = many.shop.products.create_many(request, products)
    assert many.shop.products.create_many(again(request), products) == first


@pytest.mark.parametrize("count", [0, MAX_PRODUCTS + 1])
def test_a_write_has_a_bounded_number_of_products(containers, count):
    _, many = containers
    with pytest.raises(ValueError, match="from 1 to 50"):
        many.shop.products.create_many(a_request(), [a_product(many.shop) for _ in range(count)])
