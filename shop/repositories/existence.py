"""Which records exist already, many ids at a time."""

from collections.abc import Sequence
from typing import Literal

import orjson

from exactly_once import Store
from exactly_once.declarations import Value
from shop.repositories.keys import Keys
from shop.repositories.records import prefixes

#: Ids that one run of the script looks for.
MAX_IDS = 1000
Kind = Literal["users", "products", "purchases"]


class ExistenceCheck:
    """Tells which ids the store has."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._prefixes = prefixes(keys)

    def missing(self, kind: Kind, ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that the store lacks; it has a withdrawn product, and lacks an erased user.

        Raises:
            StoreUnavailable: no node answers.
        """
        missing: set[str] = set()
        for start in range(0, len(ids), MAX_IDS):
            batch = orjson.dumps(list(ids[start : start + MAX_IDS])).decode()
            args: dict[str, Value] = {"ids": batch, "prefix": self._prefixes[kind]}
            missing.update(self._store.read_script("ids_missing", keys={}, args=args))
        return frozenset(missing)
