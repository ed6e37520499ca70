"""Which keys are indexes, and of what type."""

from collections.abc import Mapping
from enum import Enum

from shop.domain.products import ProductOrder
from shop.repositories.keys import BITMAP_SUFFIX, Keys, ordered


class IndexKind(Enum):
    """The types of indexes. Ordered sets are ordered by their members alone: all scores are
    0, but for that of instants by which purchases must be paid."""

    SET = "set"
    BITMAP = "bitmap"
    ORDERED_SET = "ordered set"
    HASH = "hash"
    COLUMN = "column"
    ZONES = "zones"


#: What is beside an index set, by what follows the last control character of its key.
_SUFFIXES = {
    BITMAP_SUFFIX[1:]: IndexKind.BITMAP,
    **{ordered("", order)[1:]: IndexKind.ORDERED_SET for order in ProductOrder},
}


class IndexKinds:
    """The indexes of one shop."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._single = _single(keys)
        blocks = map(keys.product_block_prefix, ProductOrder)
        self._bitmap_prefixes = (keys.price_from_prefix, keys.price_up_to_prefix, *blocks)
        self._set_prefixes = (keys.word_prefix, keys.category_prefix, keys.company_prefix, keys.currency_prefix)

    def of(self, key: str) -> IndexKind | None:
        """What kind of index this is; None where it is none that is checked."""
        if key.startswith(self._set_prefixes):
            return _SUFFIXES.get(key.rpartition("\x01")[2], IndexKind.SET)
        if key.startswith(self._bitmap_prefixes):
            return IndexKind.BITMAP
        if self._is_of_purchases(key) or self._is_of_returns_or_payments(key):
            return IndexKind.ORDERED_SET
        return self._single.get(key)

    def _is_of_purchases(self, key: str) -> bool:
        everybodys = self._keys.purchases
        if key == everybodys or key.startswith(f"{everybodys}:"):
            return True
        id = key.removeprefix(self._keys.user_prefix).partition(":")[0]
        theirs = self._keys.user_purchases(id)
        return key == theirs or key.startswith((f"{theirs}:", self._keys.erasing_prefix))

    def _is_of_returns_or_payments(self, key: str) -> bool:
        every, purchase, user = (
            self._keys.returns,
            key.removeprefix(self._keys.purchase_prefix).partition(":")[0],
            key.removeprefix(self._keys.user_prefix).partition(":")[0],
        )
        of_purchase = (self._keys.purchase_returns(purchase), self._keys.purchase_payments(purchase))
        lists = (every, *of_purchase, self._keys.user_returns(user))
        return key in lists or key.startswith(f"{every}:")


def _single(keys: Keys) -> Mapping[str, IndexKind]:
    ordered_sets = [keys.users, keys.users_by_email, keys.categories, keys.companies, keys.vouchers]
    ordered_sets += [*map(keys.products_by, ProductOrder), *map(keys.product_blocks, ProductOrder)]
    hashes = [keys.emails, keys.skus, keys.product_ids, *map(keys.product_sort_keys, ProductOrder)]
    return {
        **dict.fromkeys((keys.staff, keys.in_stock, keys.sold_out), IndexKind.SET),
        **dict.fromkeys(ordered_sets, IndexKind.ORDERED_SET),
        **dict.fromkeys(hashes, IndexKind.HASH),
        **dict.fromkeys((keys.in_stock + BITMAP_SUFFIX, keys.sold_out + BITMAP_SUFFIX), IndexKind.BITMAP),
        **dict.fromkeys(map(keys.product_sort_prefixes, ProductOrder), IndexKind.COLUMN),
        keys.product_zones: IndexKind.ZONES,
    }
