"""What a peer stores: a document and a stock for each product, and the ids of the products in order of creation."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import islice

import orjson
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from exactly_once.client import Address
from shop.domain.products import Product
from shop.domain.text import words

RETRY_S, RETRIES = 0.1, 100
PRODUCTS_A_STEP = 500
PAGE_SIZE = 20
#: Of a product, as the shop has them.
FIELDS = ("id", "sku", "name", "description", "category", "company", "date_manufactured", "created_at", "updated_at")


def fill(address: Address, products: Sequence[Product], tokens: Sequence[str]) -> None:
    """Store the products, each in the lists that a page may be made of, and a user for each token."""
    client = redis.Redis(host=address.host, port=address.port, retry=Retry(ConstantBackoff(RETRY_S), RETRIES))
    client.mset({f"token:{token}": f"customer-{place}" for place, token in enumerate(tokens)})
    remaining = iter(products)
    while step := list(islice(remaining, PRODUCTS_A_STEP)):
        with client.pipeline(transaction=False) as pipe:
            for product in step:
                pipe.set(f"product:{product.id}", document(product))
                pipe.set(f"stock:{product.id}", product.stock)
                for name in lists(product):
                    pipe.zadd(name, {product.id: product.created_at.timestamp()})
            pipe.execute()


def document(product: Product) -> bytes:
    """Everything of a product but its stock."""
    fields = (
        "id",
        "sku",
        "name",
        "description",
        "category",
        "company",
        "date_manufactured",
        "created_at",
        "updated_at",
    )
    values = {name: getattr(product, name) for name in fields}
    price = {"price": str(product.price), "currency": product.price.currency, "version": product.version}
    return orjson.dumps({**values, **price})


def lists(product: Product) -> Sequence[str]:
    """The lists that a product is in."""
    searched = words(f"{product.name} {product.company} {product.category}")
    return ["products", list_of(category=product.category), *(list_of(word=word) for word in searched)]


def list_of(*, category: str = "", word: str = "") -> str:
    """The list of a category, of a word, or of all products."""
    if word:
        return f"products:word:{word}"
    return f"products:category:{category}" if category else "products"


def total_of(texts: Iterable[str], quantities: Iterable[int]) -> Decimal:
    """What so many of the products of these documents cost together."""
    prices = (Decimal(orjson.loads(text)["price"]) for text in texts)
    return sum((price * quantity for price, quantity in zip(prices, quantities, strict=True)), Decimal())
