"""Targets whose store can be reached: set up below HTTP, and read key by key, from each data node and not through the
shop."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import TypeVar

import orjson

from chaos import stage, store_records
from chaos.contents import Contents, ProductContents, RecordedOutcome
from chaos.history import History
from chaos.ledger_checks import undelivered
from chaos.receiver import Receiver
from chaos.stage import Stage
from chaos.target import NotHealed
from exactly_once.client import Address, ErrorReply, Node
from exactly_once.credentials import Credentials
from exactly_once.errors import ServerError
from exactly_once.replies import parse_pairs
from shop.bootstrap import Configuration
from shop.repositories.keys import Keys

BATCH = 1000
#: In which a receiver gets the events: a worker that was killed has its deliveries for a minute.
DELIVERY_TIMEOUT_S = 90.0
Contained = TypeVar("Contained")
#: For a batch of keys, and in which all data nodes must have the same contents.
READ_TIMEOUT_S, AGREEMENT_TIMEOUT_S = 30.0, 30.0
POLL_S = 0.5


class StoreTarget(ABC):
    """The half of a target that goes through the store. With `has_guests` no limit counts for the network of the load;
    `receiver` gets the webhooks of its shop, where it has workers that can reach it."""

    has_guests: bool = False
    receiver: Receiver | None = None

    @property
    @abstractmethod
    def configuration(self) -> Configuration:
        """How the store is reached."""

    @property
    @abstractmethod
    def operator(self) -> Credentials | None:
        """As whom data nodes are called."""

    @property
    @abstractmethod
    def data_nodes(self) -> Mapping[str, tuple[str, int]]:
        """Host and port of each data node."""

    def set_up(self) -> Stage:
        """See `Target`."""
        if self.receiver:
            self.receiver.subscribe(self.configuration)
        return stage.set_up(self.configuration, has_guests=self.has_guests)

    def read_contents(self, stage: Stage, history: History) -> Mapping[str, Contents]:
        """The contents of every data node, once all of them count the same writes: by then what was unknown has been
        done or never will be. Raises NotHealed."""
        contents = self._agreed_contents()
        if self.receiver is None:
            return contents
        end = time.monotonic() + DELIVERY_TIMEOUT_S
        while undelivered(contents, self.receiver.ids) and time.monotonic() < end:
            time.sleep(POLL_S)
            contents = self._agreed_contents()
        delivered = self.receiver.ids
        return {name: replace(each, delivered=delivered) for name, each in contents.items()}

    def _agreed_contents(self) -> Mapping[str, Contents]:
        end = time.monotonic() + AGREEMENT_TIMEOUT_S
        while True:
            contents = self._read_nodes()
            revisions = {each.revision for each in contents.values()}
            if len(revisions) == 1:
                return contents
            if time.monotonic() > end:
                text = f"the nodes still count different writes: {sorted(revisions)}"
                raise NotHealed(f"After {AGREEMENT_TIMEOUT_S:.0f} s {text}.")
            time.sleep(POLL_S)

    def _read_nodes(self) -> dict[str, Contents]:
        keys = Keys(self.configuration.store)
        try:
            return {
                name: read_node(Address(*address), keys, self.operator) for name, address in self.data_nodes.items()
            }
        except (ServerError, ErrorReply):
            return {}


def read_node(address: Address, keys: Keys, credentials: Credentials | None) -> Contents:
    """Everything that the node at this address holds. Raises ServerError and ErrorReply."""
    with closing(Node(address, credentials=credentials)) as node:
        users = _hashes(node, keys.user_prefix)
        return Contents(
            users={id: user["email"] for id, user in users.items()},
            products=dict(_products(node, keys)),
            purchases=_records(node, keys.purchase_prefix, store_records.purchase),
            payments=_records(node, keys.payment_prefix, store_records.payment),
            returns=_records(node, keys.return_prefix, store_records.returned),
            vouchers=_records(node, keys.voucher_prefix, store_records.voucher),
            outcomes={outcome.request_id: outcome for outcome in _outcomes(node, keys.request(""))},
            events=[store_records.event(id, flat) for id, flat in _entries(node, keys.events)],
            # Last: a write that comes in between is in the count, so it is not overlooked.
            revision=int(node.run(("GET", keys.revision), timeout=READ_TIMEOUT_S)[0] or 0),
        )


def _products(node: Node, keys: Keys) -> Iterator[tuple[str, ProductContents]]:
    for id, fields in _hashes(node, keys.product_prefix).items():
        entries = _entries(node, keys.movements(id)) if "ledger" in fields else None
        movements = None if entries is None else (parse_pairs(flat) for _, flat in entries)
        yield id, store_records.product(id, fields, movements)


def _entries(node: Node, stream: str) -> Iterator[tuple[str, list[str]]]:
    """The ids, and the fields and values, of the entries of a stream, read in batches."""
    start = "-"
    while True:
        rows = node.run(("XRANGE", stream, start, "+", "COUNT", BATCH), timeout=READ_TIMEOUT_S)[0]
        yield from ((id, flat) for id, flat in rows)
        if len(rows) < BATCH:
            return
        start = f"({rows[-1][0]}"


def _records(node: Node, prefix: str, read: Callable[[Mapping[str, str]], Contained]) -> dict[str, Contained]:
    return {id: read(fields) for id, fields in _hashes(node, prefix).items()}


def _hashes(node: Node, prefix: str) -> dict[str, dict[str, str]]:
    names = [name for name in _names(node, prefix) if ":" not in name.removeprefix(prefix)]
    hashes: dict[str, dict[str, str]] = {}
    for batch in _batches(names):
        replies = node.run(*(("HGETALL", name) for name in batch), timeout=READ_TIMEOUT_S)
        hashes.update(zip((name.removeprefix(prefix) for name in batch), map(parse_pairs, replies), strict=True))
    return {id: fields for id, fields in hashes.items() if fields}


def _outcomes(node: Node, prefix: str) -> Iterator[RecordedOutcome]:
    # Behind the first step of a request, others have records of their own.
    names = [name for name in _names(node, prefix) if ":" not in name.removeprefix(prefix)]
    for batch in _batches(names):
        for text in filter(None, node.run(("MGET", *batch), timeout=READ_TIMEOUT_S)[0]):
            record = orjson.loads(text)
            yield RecordedOutcome(request_id=record["by"], tag=record["outcome"][0])


def _names(node: Node, prefix: str) -> list[str]:
    names, cursor = set[str](), "0"
    while True:
        command = ("SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", BATCH)
        ((cursor, some),) = node.run(command, timeout=READ_TIMEOUT_S)
        names.update(some)
        if cursor == "0":
            return sorted(names)


def _batches(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), BATCH):
        yield names[start : start + BATCH]
