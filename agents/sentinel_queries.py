"""What a Sentinel answers an agent about one primary. All raise ServerError and ErrorReply."""

from collections.abc import Sequence

from agents.node_status import ANSWER_TIMEOUT_S
from exactly_once.client import Node
from exactly_once.replies import parse_pairs
from exactly_once.sentinel_records import Record


def read_primary(sentinel: Node, name: str) -> Record:
    """The primary of this name as the Sentinel describes it."""
    (record,) = sentinel.run(("SENTINEL", "MASTER", name), timeout=ANSWER_TIMEOUT_S)
    return parse_pairs(record)


def read_replicas(sentinel: Node, name: str) -> Sequence[Record]:
    """The replicas of this primary as the Sentinel describes them."""
    return _read_all(sentinel, "REPLICAS", name)


def read_sentinels(sentinel: Node, name: str) -> Sequence[Record]:
    """The other Sentinels of this primary as the Sentinel describes them."""
    return _read_all(sentinel, "SENTINELS", name)


def _read_all(sentinel: Node, verb: str, name: str) -> Sequence[Record]:
    (records,) = sentinel.run(("SENTINEL", verb, name), timeout=ANSWER_TIMEOUT_S)
    return [parse_pairs(record) for record in records]
