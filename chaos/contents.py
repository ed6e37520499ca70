"""What one data node holds: read key by key, straight from the node and not through the shop."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

import orjson
import redis

from shop.repositories.keys import Keys

AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What was recorded about a request: by which one it was carried out, and the tag of its outcome."""

    by: str
    tag: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """A node's users (id to email), products and purchases (id to fields), and the outcomes by the id of the request
    that was carried out. `revision` counts its writes."""

    revision: int
    users: Mapping[str, str]
    products: Mapping[str, Mapping[str, str]]
    purchases: Mapping[str, Mapping[str, str]]
    outcomes: Mapping[str, Outcome]


def read(host: str, port: int, store: str) -> Contents:
    """Everything that the node at this address holds of the store. Raises redis.RedisError."""
    keys = Keys(store)
    with closing(redis.Redis(host=host, port=port, decode_responses=True, socket_timeout=30)) as node:
        users = _hashes(node, keys.user_prefix)
        return Contents(
            users={id: user["email"] for id, user in users.items()},
            products=_hashes(node, keys.product_prefix),
            purchases=_hashes(node, keys.purchase_prefix),
            outcomes={outcome.by: outcome for outcome in _outcomes(node, keys.request(""))},
            # Last: a write that comes in between is in the count, so it is not overlooked.
            revision=int(node.get(keys.revision) or 0),
        )


def _hashes(node: redis.Redis, prefix: str) -> dict[str, dict[str, str]]:
    names = [name for name in node.scan_iter(f"{prefix}*", AT_ONCE) if ":" not in name.removeprefix(prefix)]
    found: dict[str, dict[str, str]] = {}
    for some in _some(sorted(set(names))):
        pipeline = node.pipeline(transaction=False)
        for name in some:
            pipeline.hgetall(name)
        found.update(zip((name.removeprefix(prefix) for name in some), pipeline.execute(), strict=True))
    return {id: fields for id, fields in found.items() if fields}


def _outcomes(node: redis.Redis, prefix: str) -> Iterator[Outcome]:
    for some in _some(sorted(set(node.scan_iter(f"{prefix}*", AT_ONCE)))):
        for record in filter(None, node.mget(some)):
            said = orjson.loads(str(record))
            yield Outcome(by=said["by"], tag=said["outcome"][0])


def _some(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), AT_ONCE):
        yield names[start : start + AT_ONCE]
