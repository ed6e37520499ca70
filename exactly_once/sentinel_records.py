"""The records that one Sentinel holds of the servers it knows: the primary, its replicas, the other Sentinels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exactly_once.client import Address, Node
from exactly_once.errors import ServerError
from exactly_once.replies import parse_pairs

#: A server as a Sentinel describes it, by the field names of SENTINEL MASTER.
Record = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """Every record of one Sentinel about one primary; `sentinels` are the others, without itself."""

    primary: Record
    replicas: Sequence[Record]
    sentinels: Sequence[Record]


def read_records(sentinel: Node, name: str, *, timeout: float) -> Records:
    """The records about the primary of this name; `timeout` in seconds. Raises ServerError, and ResponseError where the
    Sentinel knows no primary of this name."""
    primary, replicas, sentinels = sentinel.run(
        *(("SENTINEL", verb, name) for verb in ("MASTER", "REPLICAS", "SENTINELS")), timeout=timeout
    )
    return Records(
        primary=parse_pairs(primary),
        replicas=[parse_pairs(record) for record in replicas],
        sentinels=[parse_pairs(record) for record in sentinels],
    )


def read_quorum_fault(sentinel: Node, name: str, *, timeout: float) -> str:
    """Why this Sentinel could not get a failover authorized, as SENTINEL CKQUORUM reports it; empty where it could."""
    try:
        (reply,) = sentinel.replies(("SENTINEL", "CKQUORUM", name), timeout=timeout)
    except ServerError as error:
        return str(error)
    return str(reply) if isinstance(reply, Exception) else ""


def address_of(record: Record) -> Address:
    """The address of the server that the record describes."""
    return Address(record["ip"], int(record["port"]))


def flags_of(record: Record) -> frozenset[str]:
    """The flags of the server, as `s_down` or `failover_in_progress`."""
    return frozenset(record["flags"].split(","))
