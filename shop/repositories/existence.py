"""What is there already, many ids at a time."""

from collections.abc import Sequence
from typing import Literal

import orjson

from exactly_once.reads import Reader
from shop.repositories.keys import Keys

Kind = Literal["users", "products", "purchases"]


class Presence:
    """Knows which ids the store has."""

    def __init__(self, reader: Reader, keys: Keys) -> None:
        self._reader = reader
        self._prefixes = {
            "users": keys.user_prefix,
            "products": keys.product_prefix,
            "purchases": keys.purchase_prefix,
        }

    def missing(self, kind: Kind, ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that the store has not got; a withdrawn product is there, an erased user is not.

        Raises:
            StoreUnavailable: nobody answers.
        """
        argv = {"ids": orjson.dumps(list(ids)).decode(), "prefix": self._prefixes[kind]}
        return frozenset(self._reader.own_script("ids_missing", {}, argv))
