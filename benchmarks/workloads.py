"""What is asked in a comparison, and of which sides."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from urllib.parse import quote

import orjson

from benchmarks.load import http
from benchmarks.side import SHOP, Side
from shop.domain.products import Product
from shop.domain.text import words

LINES, PAGE_SIZE = 2, 20
#: Requests of a list, which are sent again from the beginning; and of one whose cache is measured.
REQUESTS, MAX_REQUESTS = 10_000, 100_000
#: Of the law of Zipf: the product of rank n is asked for 1/n times as often as the first.
ZIPF_EXPONENT = 1.0
#: A condition that every product and page meets. No cache answers such a request, and no server looks at it.
UNCACHED = ("If-Match: *",)
DRF, FASTAPI, NGINX = "plain DRF", "FastAPI", "nginx alone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogue:
    """What requests name: the categories, and the words that name most products."""

    categories: Sequence[str]
    words: Sequence[str]

    @classmethod
    def of(cls, products: Sequence[Product], max_words: int = 20) -> "Catalogue":
        """Those of these products."""
        found = Counter(word for product in products for word in words(product.name) if word.isalpha())
        categories = Counter(product.category for product in products if product.category)
        return cls(categories=list(categories), words=[word for word, _ in found.most_common(max_words)])


Maker = Callable[[Side, Catalogue, random.Random], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """One kind of request: its key and title, who answers it, how requests are made and an answer is checked."""

    key: str
    title: str
    sides: Sequence[str]
    make: Callable[[Side, Catalogue, random.Random], Iterator[bytes]]
    is_answer: Callable[[Any], bool]
    count: int = REQUESTS


def _each(make: Maker) -> Callable[[Side, Catalogue, random.Random], Iterator[bytes]]:
    """Requests that are made one by one."""

    def all_of(side: Side, catalogue: Catalogue, chance: random.Random) -> Iterator[bytes]:
        while True:
            yield make(side, catalogue, chance)

    return all_of


def _product(side: Side, catalogue: Catalogue, chance: random.Random) -> bytes:
    return http("GET", f"/api/v1/products/{chance.choice(side.products)}/", headers=UNCACHED)


def _newest(side: Side, catalogue: Catalogue, chance: random.Random) -> bytes:
    return http("GET", "/api/v1/products/", headers=UNCACHED)


def _category(side: Side, catalogue: Catalogue, chance: random.Random) -> bytes:
    return http("GET", f"/api/v1/products/?category={quote(chance.choice(catalogue.categories))}", headers=UNCACHED)


def _word(side: Side, catalogue: Catalogue, chance: random.Random) -> bytes:
    return http("GET", f"/api/v1/products/?search={quote(chance.choice(catalogue.words))}", headers=UNCACHED)


def _purchase(side: Side, catalogue: Catalogue, chance: random.Random) -> bytes:
    items = [{"product": id, "quantity": 1} for id in chance.sample(side.products, LINES)]
    token = f"Authorization: Bearer {chance.choice(side.tokens)}"
    return http("POST", "/api/v1/purchases/", orjson.dumps({"items": items}), [token])


def _zipf(side: Side, catalogue: Catalogue, chance: random.Random) -> Iterator[bytes]:
    """Products without end, by the law of Zipf."""
    weights = list(accumulate(1 / rank**ZIPF_EXPONENT for rank in range(1, len(side.products) + 1)))
    while True:
        for id in chance.choices(side.products, cum_weights=weights, k=1000):
            yield http("GET", f"/api/v1/products/{id}/")


def _hot(side: Side, catalogue: Catalogue, chance: random.Random) -> bytes:
    return http("GET", f"/api/v1/products/{side.products[0]}/")


def _is_product(document: Any) -> bool:
    return bool(document["id"])


def _is_page(document: Any) -> bool:
    return 0 < len(document["results"]) <= PAGE_SIZE


def _is_purchase(document: Any) -> bool:
    return bool(document["id"]) and len(document["items"]) == LINES


_BESIDE = (SHOP, DRF, FASTAPI)
WORKLOADS: Mapping[str, Workload] = {
    each.key: each
    for each in (
        Workload(
            key="product",
            title="one product",
            sides=_BESIDE,
            make=_each(_product),
            is_answer=_is_product,
        ),
        Workload(
            key="newest",
            title="20 newest",
            sides=_BESIDE,
            make=_each(_newest),
            is_answer=_is_page,
        ),
        Workload(
            key="category",
            title="20 of a category",
            sides=_BESIDE,
            make=_each(_category),
            is_answer=_is_page,
        ),
        Workload(
            key="search",
            title="20 by a search word",
            sides=_BESIDE,
            make=_each(_word),
            is_answer=_is_page,
        ),
        Workload(
            key="purchase",
            title=f"purchase of {LINES} lines",
            sides=_BESIDE,
            make=_each(_purchase),
            is_answer=_is_purchase,
        ),
        Workload(
            key="zipf",
            title="anonymous, by Zipf",
            sides=_BESIDE,
            make=_zipf,
            is_answer=_is_product,
            count=MAX_REQUESTS,
        ),
        Workload(
            key="hot",
            title="anonymous, hot product",
            sides=(SHOP, NGINX),
            make=_each(_hot),
            is_answer=_is_product,
        ),
    )
}
