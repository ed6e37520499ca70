"""Which records exist already, many ids at a time."""

from collections.abc import Sequence
from typing import Literal

import orjson

from exactly_once import Store
from shop.repositories.keys import Keys
from shop.repositories.records import prefixes

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
        args = {"ids": orjson.dumps(list(ids)).decode(), "prefix": self._prefixes[kind]}
        return frozenset(self._store.read_script("ids_missing", keys={}, args={**args}))
