"""A primary that its Sentinels reach and its replicas do not.

Nobody can sell then, because no replica confirms a write, and Sentinel sees nothing wrong: it asks whether the primary
answers, not whether anybody hears it. So the launcher beside each Sentinel asks all of them, and where nobody hears the
primary any more, has another one elected. ADR 12 says what may be lost by that, and when.
"""

import time
from collections.abc import Mapping, Sequence

from agents.failover_tuning import PAUSE, have_replicas_asked, set_intervals
from agents.launch import is_running, say
from agents.wire import Address, ErrorReply, Unreachable, ask

#: Seconds between two looks, and between those that follow one that showed it.
LOOK_EVERY, LOOK_AGAIN = 0.25, 0.1
#: Seconds, of which Redis tells whole ones, without a word on a replication link that carries one every second; and
#: after so many, a replica is no longer good enough for Sentinel.
SILENT, TOO_LATE = 2, 9
#: Looks in a row that must show it: after a pause of the whole machine everybody seems silent for a moment. Each
#: Sentinel waits for so many more than the one before it, so that only one gives the order.
LOOKS, LOOKS_PER_RANK = 4, 18
#: Seconds after an order in which no other one is given.
REST = 10.0


def is_unheard(primary: Mapping[str, str], replicas: Sequence[Mapping[str, str]]) -> bool:
    """Whether none of the replicas hears the primary, which knows of none that does, and one of them can take its place
    and be heard by another; each is described by its own INFO."""
    silences = [_silence(replica) for replica in replicas]
    return (
        _knows_of_nobody(primary)
        and len(silences) > 1
        and all(silence >= SILENT for silence in silences)
        and any(silence < TOO_LATE for silence in silences)
    )


def _knows_of_nobody(primary: Mapping[str, str]) -> bool:
    replicas = [value for name, value in primary.items() if name.startswith("slave") and name[5:].isdigit()]
    return primary["role"] == "master" and all(_lag(replica) >= SILENT for replica in replicas)


def _lag(replica: str) -> int:
    """Seconds since the primary heard of a replica, of how it describes it."""
    return int(dict(pair.split("=", 1) for pair in replica.split(","))["lag"])


def _silence(replica: Mapping[str, str]) -> int:
    """Seconds since a replica heard of its primary; -1 where it is none, copies everything, or was never linked."""
    if replica["role"] != "slave" or replica["master_sync_in_progress"] == "1":
        return -1
    is_linked = replica["master_link_status"] == "up"
    return int(replica["master_last_io_seconds_ago" if is_linked else "master_link_down_since_seconds"])


def relieve(me: Address, name: str, server: int) -> None:
    """Has the Sentinel at this address, whose process is `server`, replace the primary of this name where nobody hears
    it; for as long as that process lives."""
    looks, is_hurried = 0, False
    while is_running(server):
        time.sleep(LOOK_AGAIN if looks else LOOK_EVERY)
        try:
            if is_hurried:
                set_intervals(me)
                is_hurried = False
            looks = looks + 1 if _nobody_hears_the_primary(me, name) else 0
            if looks == 1:
                # They are asked again a second later: shortly after one of them has been promoted.
                is_hurried = True
                have_replicas_asked(me, name)
                is_hurried = False
            if looks >= LOOKS and looks >= LOOKS + LOOKS_PER_RANK * _rank(me, name):
                looks = 0
                _replace(me, name)
        except (Unreachable, ErrorReply):
            looks = 0


def _replace(me: Address, name: str) -> None:
    primary, _ = _known(me, name)
    if primary is None:
        return
    # From here on it takes no writes: one that a replica got after the last look would make the next one fail.
    ask(primary, ("CLIENT", "PAUSE", str(PAUSE), "WRITE"), source=me.host)
    try:
        if _nobody_hears_the_primary(me, name):
            ask(me, ("SENTINEL", "FAILOVER", name))
            say(f"No replica hears {primary}, which answers the Sentinels: another one is being elected.")
            time.sleep(REST)
            return
    except (Unreachable, ErrorReply) as fault:
        say(f"No replica hears {primary}, and no other one can be elected: {fault}")
    ask(primary, ("CLIENT", "UNPAUSE"), source=me.host)


def _nobody_hears_the_primary(me: Address, name: str) -> bool:
    primary, replicas = _known(me, name)
    if primary is None:
        return False
    said = _information(me, primary)
    # Most of the time the primary's own word is enough, and nobody else is asked.
    return _knows_of_nobody(said) and is_unheard(said, [_information(me, replica) for replica in replicas])


def _known(me: Address, name: str) -> tuple[Address | None, Sequence[Address]]:
    """The primary and its replicas as this Sentinel knows them; no primary where it does not answer, or is replaced."""
    record, replicas = ask(me, ("SENTINEL", "MASTER", name), ("SENTINEL", "REPLICAS", name))
    is_well = not {"s_down", "o_down", "disconnected", "failover_in_progress"} & set(_pairs(record)["flags"].split(","))
    return _address(record) if is_well else None, [_address(replica) for replica in replicas]


def _information(me: Address, node: Address) -> dict[str, str]:
    # From the Sentinel's own address: who can reach what depends on it.
    (text,) = ask(node, ("INFO", "replication"), source=me.host)
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
