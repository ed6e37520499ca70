"""What a script takes that makes a transition of a purchase (lua/parts/purchase_transition.lua), or brings units back
into stock (lua/parts/restock.lua): names of keys and arguments, in the order of its header, and their values."""

import orjson

from exactly_once import Reply
from shop.domain.errors import Shortage, UnitsExceeded
from shop.repositories.keys import Keys

TRANSITION_KEYS = ("purchases", "returns")
TRANSITION_ARGS = ("purchase_prefix", "user_prefix", "erasing_prefix", "return_prefix")
RESTOCK_KEYS = ("in_stock", "sold_out")
RESTOCK_ARGS = ("product_prefix", "movements_prefix")
#: Of a script that gives back what the purchase has redeemed (lua/parts/voucher_return.lua).
GIVE_BACK_ARGS = ("voucher_prefix",)


def named(keys: Keys, *names: str) -> dict[str, str]:
    """Keys, and what keys begin with, by the names that scripts know them by."""
    return {name: getattr(keys, name) for name in names}


def units_exceeded(reply: Reply) -> UnitsExceeded:
    """The refusal of lines that ask for more units than are left."""
    rows = orjson.loads(reply.values[0])
    return UnitsExceeded([Shortage(product=row[0], requested=row[1], available=row[2]) for row in rows])
