"""Fills a store of a given size, and notes what each record takes of its memory."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks import erasure, large_store
from benchmarks.erasure import Buyer
from benchmarks.watch import Watch
from chaos.embedded import EmbeddedTarget
from chaos.stage import Stage
from exactly_once.client import Node, run_once
from shop.repositories.keys import Keys

BUYERS, TIMEOUT_S = 10, 60.0
#: What a data node says of the files that it writes anew.
SAVING = ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")
SAVING_TIMEOUT_S, POLL_S = 600.0, 0.2
#: Milliseconds of silence after which Sentinels replace a primary, while the store is filled.
COPYING_DOWN_AFTER_MS = 60_000
#: Ids of products that are asked for.
SAMPLED_PRODUCTS = 5_000
#: What each figure of `Memory` is.
MEMORY = {
    "product": "product, with its index entries",
    "purchase": "purchase, with its index entries",
    "purchase_with_outcome": "purchase just placed, with its recorded outcome and audit",
    "refusal": "refused purchase, with its recorded outcome",
    "total": "the whole data node",
}


class StillSaving(Exception):
    """A data node does not come to the end of writing its files."""


class Size(NamedTuple):
    """How many products and purchases a store has."""

    products: int
    purchases: int

    @classmethod
    def parse(cls, text: str) -> "Size":
        """The size in a text like 1000:10000."""
        products, _, purchases = text.partition(":")
        return cls(int(products), int(purchases))

    def __str__(self) -> str:
        return f"{self.products:,} products, {self.purchases:,} purchases"


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes of a primary, for each record and in all."""

    product: float
    purchase: float
    total: int
    purchase_with_outcome: float | None = None
    refusal: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """A store that is filled: its size, what it takes, ids of its products, and people who may buy."""

    size: Size
    memory: Memory
    products: Sequence[str]
    buyers: Sequence[Buyer]
    stage: Stage


def fill(target: EmbeddedTarget, size: Size, max_seeded: int, watch: Watch) -> Filled:
    """Fill a store of about this size."""
    stage = target.set_up()
    empty = used_bytes(target)
    watch.say(f"{size.products:,} products are seeded and copied")
    with _without_failovers(target):
        _, products = large_store.fill(target, size.products, max_seeded)
        with_products = used_bytes(target)
        watch.say(f"{size.purchases:,} purchases are copied")
        buyers = [erasure.make_buyer(target, stage.plentiful[0]) for _ in range(BUYERS)]
        for buyer in buyers:
            erasure.multiply_purchases(target, buyer, size.purchases // BUYERS)
    total = used_bytes(target)
    memory = Memory(
        product=(with_products - empty) / products, purchase=(total - with_products) / size.purchases, total=total
    )
    return Filled(
        size=Size(products, size.purchases),
        memory=memory,
        products=_sample(target, SAMPLED_PRODUCTS),
        buyers=buyers,
        stage=stage,
    )


@contextlib.contextmanager
def _without_failovers(target: EmbeddedTarget) -> Iterator[None]:
    """The Sentinels wait for a primary that is silent: a script that copies a large set takes more than a second."""
    before = _set_down_after(target, COPYING_DOWN_AFTER_MS)
    try:
        yield
    finally:
        _set_down_after(target, before)


def _set_down_after(target: EmbeddedTarget, milliseconds: int) -> int:
    """Have the Sentinels take a primary for down after so long a silence; returns after how long they did before."""
    name, setting = target.layout.settings.primary_name, "down-after-milliseconds"
    for address in target.layout.sentinels.values():
        record, _ = run_once(
            address,
            ("SENTINEL", "MASTER", name),
            ("SENTINEL", "SET", name, setting, milliseconds),
            timeout=TIMEOUT_S,
            credentials=target.operator,
        )
    return int(record[record.index(setting) + 1])


def used_bytes(target: EmbeddedTarget) -> int:
    """What the data of the primary takes of its memory."""
    return int(large_store.read_info(target, target.primary, "memory")["used_memory_dataset"])


def wait_until_saved(target: EmbeddedTarget) -> None:
    """Return when no data node writes its files anew, which takes CPU that no request asks for.

    Raises:
        StillSaving: one does after ten minutes.
    """
    end = time.monotonic() + SAVING_TIMEOUT_S
    while any(map(_is_saving, (large_store.read_info(target, name, "persistence") for name in target.layout.redis))):
        if time.monotonic() > end:
            raise StillSaving(f"A data node writes its files after {SAVING_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)


def _is_saving(info: Mapping[str, str]) -> bool:
    return any(info[name] != "0" for name in SAVING)


def _sample(target: EmbeddedTarget, count: int) -> Sequence[str]:
    """The ids of random products."""
    keys = Keys(target.layout.settings.store)
    with contextlib.closing(Node(target.layout.redis[target.primary], credentials=target.operator)) as primary:
        (numbers_and_ids,) = primary.run(("HRANDFIELD", keys.product_ids, count, "WITHVALUES"), timeout=TIMEOUT_S)
    ids: Sequence[str] = numbers_and_ids[1::2]
    return ids
