"""A primary that its Sentinels reach and its replicas do not.

Nobody can sell then, because no replica confirms a write, and Sentinel sees nothing wrong: it asks whether the primary
answers, not whether anybody hears it. So the launcher beside each Sentinel asks all of them, and where nobody hears the
primary any more, has another one elected. Nothing acknowledged is lost by that: without a replica nothing is.
"""

import time
from collections.abc import Mapping, Sequence

from evergreen.stack.failover import have_replicas_asked
from evergreen.stack.launch import is_running, say
from evergreen.stack.wire import Address, ErrorReply, Unreachable, ask

#: Seconds between two looks.
LOOK_EVERY = 0.25
#: Seconds, of which Redis tells whole ones, without a word on a replication link that carries one every second; and
#: after so many, replicas are no longer good enough for Sentinel.
SILENT, TOO_LATE = 2, 9
#: Looks in a row that must show it: after a pause of the whole machine everybody seems silent for a moment. Each
#: Sentinel waits for so many more than the one before it, so that only one gives the order.
LOOKS, LOOKS_PER_RANK = 3, 8
#: Seconds after an order in which no other one is given.
REST = 10.0


def is_unheard(primary: Mapping[str, str], replicas: Sequence[Mapping[str, str]]) -> bool:
    """Whether none of the replicas hears the primary, which knows of none that does; each is described by its own
    INFO."""
    return _knows_of_nobody(primary) and bool(replicas) and all(map(_hears_nothing, replicas))


def _knows_of_nobody(primary: Mapping[str, str]) -> bool:
    replicas = [value for name, value in primary.items() if name.startswith("slave") and name[5:].isdigit()]
    return primary["role"] == "master" and all(_lag(replica) >= SILENT for replica in replicas)


def _lag(replica: str) -> int:
    """Seconds since the primary heard of a replica, of how it describes it."""
    return int(dict(pair.split("=", 1) for pair in replica.split(","))["lag"])


def _hears_nothing(replica: Mapping[str, str]) -> bool:
    if replica["role"] != "slave" or replica["master_sync_in_progress"] == "1":
        return False
    is_linked = replica["master_link_status"] == "up"
    silent_for = replica["master_last_io_seconds_ago" if is_linked else "master_link_down_since_seconds"]
    return SILENT <= int(silent_for) < TOO_LATE


def relieve(me: Address, name: str, server: int) -> None:
    """Has the Sentinel at this address, whose process is `server`, replace the primary of this name where nobody hears
    it; for as long as that process lives."""
    looks = 0
    while is_running(server):
        time.sleep(LOOK_EVERY)
        try:
            primary, replicas = _known(me, name)
            looks = looks + 1 if primary and _nobody_hears(primary, replicas) else 0
            if looks == 1:
                # They are asked again a second later: shortly after one of them has been promoted.
                have_replicas_asked(me, name)
            if looks >= LOOKS and looks >= LOOKS + LOOKS_PER_RANK * _rank(me, name):
                say(f"No replica hears {primary}, which answers the Sentinels: another one is elected.")
                ask(me, ("SENTINEL", "FAILOVER", name))
                looks = 0
                time.sleep(REST)
        except (Unreachable, ErrorReply):
            looks = 0


def _known(me: Address, name: str) -> tuple[Address | None, Sequence[Address]]:
    """The primary and its replicas as this Sentinel knows them; no primary where it does not answer, or is replaced."""
    record, replicas = ask(me, ("SENTINEL", "MASTER", name), ("SENTINEL", "REPLICAS", name))
    is_well = not {"s_down", "o_down", "disconnected", "failover_in_progress"} & set(_pairs(record)["flags"].split(","))
    return _address(record) if is_well else None, [_address(replica) for replica in replicas]


def _nobody_hears(primary: Address, replicas: Sequence[Address]) -> bool:
    # Most of the time the primary's own word is enough, and nobody else is asked.
    said = _information(primary)
    return _knows_of_nobody(said) and is_unheard(said, [_information(replica) for replica in replicas])


def _information(node: Address) -> dict[str, str]:
    (text,) = ask(node, ("INFO", "replication"))
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def _rank(me: Address, name: str) -> int:
    """How many Sentinels come before this one."""
    (others,) = ask(me, ("SENTINEL", "SENTINELS", name))
    return sum(_address(other) < me for other in others)


def _address(record: Sequence[str]) -> Address:
    pairs = _pairs(record)
    return Address(pairs["ip"], int(pairs["port"]))


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
