"""The Redis of FastAPI, called without blocking. A product and a page take one round trip each, a purchase three."""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from redis import WatchError
from redis.asyncio import Redis

from benchmarks.peers.data import total_of
from benchmarks.peers.fast_api.models import Item, Product, Purchase

MAX_TRIES = 100
#: Opens connections when they are needed.
CLIENT: Any = Redis(
    host=os.environ.get("PEER_REDIS_HOST", "127.0.0.1"),
    port=int(os.environ.get("PEER_REDIS_PORT", "6379")),
    decode_responses=True,
)


class Conflict(Exception):
    """Others changed the same stock again and again."""


async def user_of(token: str) -> str | None:
    """The user with this token."""
    user: str | None = await CLIENT.get(f"token:{token}")
    return user


async def product(id: str) -> Product | None:
    """The product, or None."""
    text, stock = await CLIENT.mget(f"product:{id}", f"stock:{id}")
    return None if text is None else record(text, stock)


async def page(name: str, first: int, size: int) -> Sequence[Product]:
    """A page of a list of products, newest first."""
    patterns = ["product:*", "stock:*"]
    rows = await CLIENT.sort(name, first, size, by="nosort", get=patterns, desc=True, groups=True)
    return [record(text, stock) for text, stock in rows]


def record(text: str, stock: str) -> Product:
    """A product of its stored document and its stock."""
    units = int(stock)
    return Product(**orjson.loads(text), stock=units, is_sold=units == 0)


async def place(user: str, id: str, items: Sequence[Item], at: datetime) -> Purchase | None:
    """The new purchase, or None where a product is unknown or too few are left. The stock is checked and changed by
    WATCH and MULTI.

    Raises:
        Conflict.
    """
    stocks, documents = ([f"{kind}:{item.product}" for item in items] for kind in ("stock", "product"))
    async with CLIENT.pipeline() as pipe:
        for _ in range(MAX_TRIES):
            try:
                await pipe.watch(*stocks)
                found = await pipe.mget(*stocks, *documents)
                lefts, texts = found[: len(items)], found[len(items) :]
                if any(left is None or int(left) < item.quantity for left, item in zip(lefts, items, strict=True)):
                    return None
                pipe.multi()
                return await _placed(pipe, user, id, items, texts, at)
            except WatchError:
                continue
    raise Conflict


async def _placed(pipe: Any, user: str, id: str, items: Sequence[Item], texts: Sequence[str], at: datetime) -> Purchase:
    total = str(total_of(texts, (item.quantity for item in items)))
    purchase = Purchase(id=id, user=user, status="placed", items=items, total=total, created_at=at)
    for item in items:
        pipe.decrby(f"stock:{item.product}", item.quantity)
    pipe.set(f"purchase:{id}", purchase.model_dump_json())
    pipe.lpush(f"user:{user}:purchases", id)
    await pipe.execute()
    return purchase
