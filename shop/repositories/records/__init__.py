"""How entities are stored: one table of fields for each. Money is minor units, instants are milliseconds since 1970."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from shop.repositories.keys import Keys
from shop.repositories.records.api_keys import API_KEY
from shop.repositories.records.fields import Table, instant, milliseconds, pairs
from shop.repositories.records.payments import PAYMENT
from shop.repositories.records.products import PRODUCT
from shop.repositories.records.purchases import PURCHASE
from shop.repositories.records.returns import RETURN
from shop.repositories.records.shipping_methods import SHIPPING_METHOD
from shop.repositories.records.transfers import TRANSFER
from shop.repositories.records.users import USER
from shop.repositories.records.vouchers import VOUCHER
from shop.repositories.records.webhooks import ENDPOINT

#: Every kind of record of the trade that has a hash of its own under an id, in the order of audits and backups.
TABLES: Mapping[str, Table[Any]] = MappingProxyType({"users": USER, "products": PRODUCT, "purchases": PURCHASE})

__all__ = [
    "API_KEY",
    "ENDPOINT",
    "PAYMENT",
    "PRODUCT",
    "PURCHASE",
    "RETURN",
    "SHIPPING_METHOD",
    "TABLES",
    "TRANSFER",
    "USER",
    "VOUCHER",
    "Table",
    "instant",
    "milliseconds",
    "pairs",
    "prefixes",
]


def prefixes(keys: Keys) -> dict[str, str]:
    """What the keys of each kind of record begin with."""
    return {"users": keys.user_prefix, "products": keys.product_prefix, "purchases": keys.purchase_prefix}
