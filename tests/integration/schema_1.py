"""The store of schema 1 in `data/`, and a client of the shop that it is of."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exactly_once.client import Address, Command
from tests.store_access import operator_node

#: What the answer of this version about a purchase has that its record lacks.
_OF_PURCHASES = {
    **dict.fromkeys(("cart", "email", "shipping_address", "shipping_method", "voucher", "pay_by")),
    "discount": "0.00",
    "shipping": "0.00",
    "shipments": [],
}


def _with_defaults(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer of this version: it has fields more than its record."""
    if "is_sold" in answer:
        return {**answer, "stock_changed_at": answer["created_at"]}
    return {**answer, **_OF_PURCHASES} if "history" in answer else answer


RECORDED = json.loads(
    (Path(__file__).parent / "data" / "store_of_schema_1.json").read_text("utf-8"),
    object_hook=_with_defaults,
)
STORE = "evergreen"
SECRET_KEY = RECORDED["secret_key"]


def commands() -> Iterator[Command]:
    """What makes the store; what expires does so as long from now as it did when it was recorded."""
    for name, kind, expiry_ms, value in RECORDED["keys"]:
        verb = {"string": "SET", "hash": "HSET", "set": "SADD", "zset": "ZADD"}[kind]
        parts = [value] if kind == "string" else value
        yield verb, name, *map(_data, parts)
        if expiry_ms > 0:
            yield "PEXPIRE", name, expiry_ms


def load(primary: Address) -> None:
    """Fill the node at this address, and return when two replicas have it all."""
    node = operator_node(primary)
    node.run(("FLUSHALL",), *commands(), timeout=10)
    node.run(("WAIT", 2, 5000), timeout=6)
    node.close()


def _data(part: Any) -> str | bytes:
    return base64.b64decode(part["base64"]) if isinstance(part, dict) else part
