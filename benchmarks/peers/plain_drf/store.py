"""The Redis of plain DRF. A product and a page take one round trip each, a purchase three."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson
import redis
from django.conf import settings

from benchmarks.peers.data import total_of

Record = Mapping[str, Any]

MAX_TRIES = 100


class Conflict(Exception):
    """Others changed the same stock again and again."""


@cache
def client() -> Any:
    """The client of this process, which has a pool of connections."""
    host, port = getattr(settings, "REDIS_HOST"), getattr(settings, "REDIS_PORT")  # noqa: B009
    return redis.Redis(host=host, port=port, decode_responses=True)


def user_of(token: str) -> str | None:
    """The user with this token."""
    user: str | None = client().get(f"token:{token}")
    return user


def product(id: str) -> Record | None:
    """The product, or None."""
    text, stock = client().mget(f"product:{id}", f"stock:{id}")
    return None if text is None else record(text, stock)


def page(name: str, first: int, size: int) -> Sequence[Record]:
    """A page of a list of products, newest first."""
    patterns = ["product:*", "stock:*"]
    rows = client().sort(name, first, size, by="nosort", get=patterns, desc=True, groups=True)
    return [record(text, stock) for text, stock in rows]


def record(text: str, stock: str) -> Record:
    """A product of its stored document and its stock."""
    return {**orjson.loads(text), "stock": int(stock)}


def place(user: str, id: str, items: Sequence[Record], at: str) -> Record | None:
    """The new purchase, or None where a product is unknown or too few are left. The stock is checked and changed by
    WATCH and MULTI.

    Raises:
        Conflict.
    """
    stocks, documents = ([f"{kind}:{item['product']}" for item in items] for kind in ("stock", "product"))
    with client().pipeline() as pipe:
        for _ in range(MAX_TRIES):
            try:
                pipe.watch(*stocks)
                found = pipe.mget(*stocks, *documents)
                lefts, texts = found[: len(items)], found[len(items) :]
                if not is_enough(lefts, items):
                    return None
                pipe.multi()
                return _placed(pipe, user, id, items, texts, at)
            except redis.WatchError:
                continue
    raise Conflict


def is_enough(lefts: Sequence[str | None], items: Sequence[Record]) -> bool:
    """Whether every product is known and has enough left."""
    return all(left is not None and int(left) >= item["quantity"] for left, item in zip(lefts, items, strict=True))


def _placed(pipe: Any, user: str, id: str, items: Sequence[Record], texts: Sequence[str], at: str) -> Record:
    total = str(total_of(texts, (item["quantity"] for item in items)))
    lines = [dict(item) for item in items]
    purchase = {"id": id, "user": user, "status": "placed", "items": lines, "total": total, "created_at": at}
    for item in items:
        pipe.decrby(f"stock:{item['product']}", item["quantity"])
    pipe.set(f"purchase:{id}", orjson.dumps(purchase))
    pipe.lpush(f"user:{user}:purchases", id)
    pipe.execute()
    return purchase
