"""The peer's Redis: a hash for each product and purchase, and their ids in order."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import redis
from django.conf import settings

Record = Mapping[str, Any]


@cache
def client() -> Any:
    """The process's client."""
    return redis.Redis(port=getattr(settings, "REDIS_PORT"), decode_responses=True)  # noqa: B009


def product(id: str) -> Record:
    """The product's hash; empty where there is none."""
    records: Record = client().hgetall(f"product:{id}")
    return records


def products(page: int, size: int) -> Sequence[Record]:
    """A page of products, newest first."""
    ids = client().zrevrange("products", (page - 1) * size, page * size - 1)
    return [product(id) for id in ids]


def place(user: str, id: str, items: Sequence[Record], at: str) -> Record | None:
    """The new purchase, or None where a product is unknown or too few are left."""
    keys = [f"product:{item['product']}" for item in items]
    with client().pipeline() as pipe:
        while True:
            try:
                pipe.watch(*keys)
                records = [pipe.hgetall(key) for key in keys]
                if any(
                    not each or int(each["stock"]) < item["quantity"] for each, item in zip(records, items, strict=True)
                ):
                    return None
                pipe.multi()
                return _placed(pipe, user, id, items, records, at)
            except redis.WatchError:
                continue


def _placed(pipe: Any, user: str, id: str, items: Sequence[Record], records: Sequence[Record], at: str) -> Record:
    total = sum(float(each["price"]) * item["quantity"] for each, item in zip(records, items, strict=True))
    purchase = {"id": id, "user": user, "status": "placed", "total": f"{total:.2f}", "created_at": at}
    for item in items:
        pipe.hincrby(f"product:{item['product']}", "stock", -item["quantity"])
        pipe.hset(f"purchase:{id}:items", item["product"], item["quantity"])
    pipe.hset(f"purchase:{id}", mapping=purchase)
    pipe.lpush(f"user:{user}:purchases", id)
    pipe.execute()
    return {**purchase, "items": items}
