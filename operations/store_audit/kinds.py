"""Which keys are indexes, and of what type."""

from collections.abc import Mapping
from enum import Enum

from operations.store_audit.columns import BITS
from shop.domain.products import ProductOrder
from shop.repositories.keys import Keys


class Kind(Enum):
    """The types of indexes. A ranking is ordered by its members alone: all scores are 0."""

    SET = "set"
    BITS = "bits"
    RANKING = "ranking"
    HASH = "hash"
    COLUMN = "column"


class Kinds:
    """The indexes of one shop."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._single = _single(keys)
        zones = (f"{keys.product_zones(order)}:" for order in ProductOrder)
        self._mark_prefixes = (keys.price_from_prefix, keys.price_up_to_prefix, *zones)
        self._set_prefixes = (keys.word_prefix, keys.category_prefix, keys.company_prefix, keys.currency_prefix)

    def of(self, key: str) -> Kind | None:
        """What kind of index this is; None where it is none that is checked."""
        if key.startswith(self._set_prefixes):
            return Kind.BITS if key.endswith(BITS) else Kind.SET
        if key.startswith(self._mark_prefixes):
            return Kind.BITS
        if self._is_of_purchases(key):
            return Kind.RANKING
        return self._single.get(key)

    def _is_of_purchases(self, key: str) -> bool:
        everybodys = self._keys.purchases
        if key == everybodys or key.startswith(f"{everybodys}:"):
            return True
        id = key.removeprefix(self._keys.user_prefix).partition(":")[0]
        theirs = self._keys.user_purchases(id)
        return key == theirs or key.startswith(f"{theirs}:")


def _single(keys: Keys) -> Mapping[str, Kind]:
    rankings = [keys.users, keys.users_by_email, keys.categories, keys.companies, *map(keys.products_by, ProductOrder)]
    rankings += map(keys.product_zones, ProductOrder)
    hashes = [keys.emails, keys.skus, keys.product_ids, *map(keys.product_sort_keys, ProductOrder)]
    return {
        **dict.fromkeys((keys.staff, keys.in_stock, keys.sold_out), Kind.SET),
        **dict.fromkeys(rankings, Kind.RANKING),
        **dict.fromkeys(hashes, Kind.HASH),
        **dict.fromkeys((keys.in_stock + BITS, keys.sold_out + BITS), Kind.BITS),
        **dict.fromkeys(map(keys.product_ranks, ProductOrder), Kind.COLUMN),
    }
