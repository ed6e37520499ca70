"""Targets whose store can be reached: set up below HTTP, and read key by key, from each data node and not through the
shop."""

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing

import orjson

from chaos import stage
from chaos.contents import Contents, EventContents, ProductContents, PurchaseContents, RecordedOutcome
from chaos.history import History
from chaos.stage import Stage
from chaos.target import NotHealed
from exactly_once.client import Address, ErrorReply, Node
from exactly_once.credentials import Credentials
from exactly_once.errors import ServerError
from exactly_once.replies import parse_pairs
from shop.bootstrap import Configuration
from shop.repositories.keys import Keys

BATCH = 1000
#: For a batch of keys, and in which all data nodes must have the same contents.
READ_TIMEOUT_S, AGREEMENT_TIMEOUT_S = 30.0, 30.0
POLL_S = 0.5


class StoreTarget(ABC):
    """The half of a target that goes through the store."""

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
        return stage.set_up(self.configuration)

    def read_contents(self, stage: Stage, history: History) -> Mapping[str, Contents]:
        """The contents of every data node, once all of them count the same writes: by then what was unknown has been
        done or never will be. Raises NotHealed."""
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
            purchases={id: _purchase(fields) for id, fields in _hashes(node, keys.purchase_prefix).items()},
            outcomes={outcome.request_id: outcome for outcome in _outcomes(node, keys.request(""))},
            events=list(_events(node, keys.events)),
            # Last: a write that comes in between is in the count, so it is not overlooked.
            revision=int(node.run(("GET", keys.revision), timeout=READ_TIMEOUT_S)[0] or 0),
        )


def _products(node: Node, keys: Keys) -> Iterator[tuple[str, ProductContents]]:
    for id, fields in _hashes(node, keys.product_prefix).items():
        yield id, _product(id, fields, _entries(node, keys.movements(id)) if "ledger" in fields else None)


def _product(id: str, fields: Mapping[str, str], movements: Iterable[Mapping[str, str]] | None) -> ProductContents:
    opening, carried = int(fields["opening"]), int(fields.get("carried", 0))
    # A product that has not moved has no ledger: its stock is its first movement.
    moved = Counter({id: int(fields["stock"]) if movements is None else carried})
    for movement in movements or ():
        moved[movement["reference"]] += int(movement["quantity"])
    return ProductContents(
        stock=int(fields["stock"]),
        opening=opening,
        adjusted=int(fields.get("adjusted", 0)),
        moved=moved,
        is_cut="carried" in fields,
        held=int(fields.get("held", 0)),
    )


def _events(node: Node, stream: str) -> Iterator[EventContents]:
    for event in _entries(node, stream):
        units = int(orjson.loads(event["data"]).get("delta", 0))
        yield EventContents(type=event["type"], object=event["object"], units=units)


def _entries(node: Node, stream: str) -> Iterator[Mapping[str, str]]:
    """The entries of a stream, read in batches."""
    start = "-"
    while True:
        rows = node.run(("XRANGE", stream, start, "+", "COUNT", BATCH), timeout=READ_TIMEOUT_S)[0]
        yield from (parse_pairs(fields) for _, fields in rows)
        if len(rows) < BATCH:
            return
        start = f"({rows[-1][0]}"


def _purchase(fields: Mapping[str, str]) -> PurchaseContents:
    return PurchaseContents(
        user=fields.get("user", ""),
        status=fields["status"],
        lines=[(item[0], int(item[4])) for item in orjson.loads(fields["items"])],
        history=[event[0] for event in orjson.loads(fields["history"])],
        has_units=fields["status"] != "cancelled" and not fields.get("restocked"),
        cart=fields.get("cart", ""),
        restocked=orjson.loads(fields.get("restocked_units", "{}")),
    )


def _hashes(node: Node, prefix: str) -> dict[str, dict[str, str]]:
    names = [name for name in _names(node, prefix) if ":" not in name.removeprefix(prefix)]
    hashes: dict[str, dict[str, str]] = {}
    for batch in _batches(names):
        replies = node.run(*(("HGETALL", name) for name in batch), timeout=READ_TIMEOUT_S)
        hashes.update(zip((name.removeprefix(prefix) for name in batch), map(parse_pairs, replies), strict=True))
    return {id: fields for id, fields in hashes.items() if fields}


def _outcomes(node: Node, prefix: str) -> Iterator[RecordedOutcome]:
    for batch in _batches(_names(node, prefix)):
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
