"""Which records exist already, and how far they have come, many ids at a time."""

from collections.abc import Iterator, Sequence
from typing import Literal

import orjson

from exactly_once import Store
from exactly_once.declarations import Value
from shop.repositories.keys import Keys
from shop.repositories.records import prefixes

#: Ids that one run of a script looks for.
MAX_IDS = 1000
Kind = Literal["users", "products", "purchases", "shipping methods", "vouchers", "addresses", "carts", "returns"]


class ExistenceCheck:
    """Tells which ids the store has. Shipping methods and vouchers go by their codes, addresses by their users."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._prefixes: dict[str, str] = {
            **prefixes(keys),
            "shipping methods": keys.shipping_method_prefix,
            "vouchers": keys.voucher_prefix,
            "addresses": keys.user_prefix,
            "carts": keys.cart_prefix,
            "returns": keys.return_prefix,
        }

    def missing(self, kind: Kind, ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that the store lacks; it has a withdrawn product, and lacks an erased user. Of addresses,
        those of the users who have none.

        Raises:
            StoreUnavailable: no node answers.
        """
        names = {f"{id}:addresses" if kind == "addresses" else id: id for id in ids}
        missing: set[str] = set()
        for batch in _batches(list(names)):
            args: dict[str, Value] = {"ids": batch, "prefix": self._prefixes[kind]}
            missing.update(self._store.read_script("ids_missing", keys={}, args=args))
        return frozenset(names[name] for name in missing)

    def statuses(self, kind: Kind, ids: Sequence[str]) -> Sequence[str]:
        """The status of each; empty where the store lacks it.

        Raises:
            StoreUnavailable: no node answers.
        """
        return self._fields(kind, "status", ids)

    def versions(self, kind: Kind, ids: Sequence[str]) -> Sequence[int]:
        """The version of each; 0 where the store lacks it.

        Raises:
            StoreUnavailable: no node answers.
        """
        return [int(version or 0) for version in self._fields(kind, "version", ids)]

    def _fields(self, kind: Kind, field: str, ids: Sequence[str]) -> Sequence[str]:
        found: list[str] = []
        for batch in _batches(ids):
            args: dict[str, Value] = {"ids": batch, "prefix": self._prefixes[kind], "field": field}
            found.extend(self._store.read_script("ids_fields", keys={}, args=args))
        return found


def _batches(ids: Sequence[str]) -> Iterator[str]:
    """The ids as a script takes them."""
    for start in range(0, len(ids), MAX_IDS):
        yield orjson.dumps(list(ids[start : start + MAX_IDS])).decode()
