"""Failovers that take no longer than they must.

With Sentinel's own intervals a replica is chosen by what it said up to ten seconds ago, an old primary that is still
alive keeps its role for eight seconds, and Sentinels that find the primary down at different instants ask each other
once a second. Sentinel spares large clusters; here there are three nodes.

One interval cannot be set: while a failover runs, a replica is asked once a second whether it has been promoted,
counted from when it was asked last. So as soon as the primary is silent, all replicas are asked: the next time is then
shortly after the promotion, and not up to a second later.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from agents.launch import is_running
from agents.observe import ask_sentinels
from agents.wire import Address, ErrorReply, Unreachable, ask

# A replica can be elected that was asked within five ping periods. Shorter ones, and on a busy machine none would be
# good enough: the next attempt is six seconds later.
INTERVALS = ("info-period", "1000", "publish-period", "500", "ask-period", "100", "ping-period", "300")
LOOK_EVERY = 0.1
#: Milliseconds without a sign of life, after which the primary may be about to be found down. The promotion comes
#: some 600 ms after that: were replicas asked much earlier, it would just miss the next time that they are.
SILENCE = 700
#: Milliseconds since replicas were asked, which count as just now.
JUST_NOW = 200
#: Milliseconds since replicas were asked, at which a planned failover is ordered. One of them is promoted in the third
#: of Sentinel's turns after that, each of 50 to 100 ms, and they are asked again after 1000: or a whole second later.
ORDER_AT = 590
#: Seconds between two looks at a planned failover, and those in which it must be over: after three, Sentinel gives up.
LOOK_CLOSELY, PATIENCE = 0.01, 4.0
#: Milliseconds for which the former primary takes no writes at most, should nobody tell it that it may.
PAUSE = 5000
#: Seconds for which it sends its replicas nothing at most: after five they would call it gone.
QUIET = 2.0
#: Seconds between the signs of life that a primary gives its replicas: as in deploy/redis/redis.conf, and never.
PERIOD, USUALLY, NEVER = "repl-ping-replica-period", "1", "2147483647"


def is_silent(primary: Mapping[str, str]) -> bool:
    """Whether the primary, as a Sentinel describes it, has stopped answering and is not yet found down."""
    return int(primary["last-ok-ping-reply"]) > SILENCE and "s_down" not in primary["flags"].split(",")


def were_asked(replicas: Sequence[Mapping[str, str]]) -> bool:
    """Whether every replica that answers was asked just now how it is."""
    return all(int(replica["info-refresh"]) < JUST_NOW for replica in _answering(replicas))


def _answering(replicas: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
    return [replica for replica in replicas if "disconnected" not in replica["flags"].split(",")]


def hasten(me: Address, name: str, server: int) -> None:
    """Sees to it that the Sentinel at this address, whose process is `server`, replaces the primary of this name as
    soon as it can; for as long as that process lives."""
    while is_running(server):
        try:
            set_intervals(me)
            _watch(me, name)
        except (Unreachable, ErrorReply):
            time.sleep(LOOK_EVERY)


def _watch(me: Address, name: str) -> None:
    """Goes on until the Sentinel does not answer."""
    while True:
        time.sleep(LOOK_EVERY)
        if _is_silent(me, name):
            have_replicas_asked(me, name)
            # Once each time: until it answers again or is found down.
            while _is_silent(me, name):
                time.sleep(LOOK_EVERY)


def _is_silent(me: Address, name: str) -> bool:
    return is_silent(_pairs(ask(me, ("SENTINEL", "MASTER", name))[0]))


def have_replicas_asked(me: Address, name: str) -> None:
    """Has this Sentinel ask every replica of the primary how it is, now. Raises Unreachable and ErrorReply."""
    _debug(me, "info-period", "1")
    try:
        began = time.monotonic()
        while time.monotonic() - began < JUST_NOW / 1000:
            time.sleep(LOOK_EVERY)
            (replicas,) = ask(me, ("SENTINEL", "REPLICAS", name))
            if were_asked([_pairs(replica) for replica in replicas]):
                break
    finally:
        set_intervals(me)


def set_intervals(me: Address) -> None:
    """Has this Sentinel ask and tell as often as is good for three nodes. Raises Unreachable and ErrorReply."""
    _debug(me, *INTERVALS)


def _debug(me: Address, *intervals: str) -> None:
    ask(me, ("SENTINEL", "DEBUG", *intervals))


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A planned failover: who was primary, who is, and the seconds for which writes waited: from when the former one
    was told to take none until a majority of the Sentinels named the new one."""

    former: Address
    primary: Address
    seconds: float


class NotMoved(Exception):
    """The primary is where it was, or nobody knows; the text says why and what to do."""


def move_primary(sentinels: Sequence[Address], name: str) -> Moved:
    """Makes a replica the primary of this name, and the present one its replica. Raises NotMoved."""
    before = ask_sentinels(sentinels, name)
    if before.primary is None or before.primary_is_down or before.is_failing_over:
        raise NotMoved("The Sentinels agree on no primary that works: wait until they do (`manage.py topology`).")
    leader = _order(sentinels, name)
    end = time.monotonic() + PATIENCE
    try:
        _wait_for_choice(leader, name, before.primary, end)
        began = time.monotonic()
        with _quiet(before.primary):
            after = _another(before.primary, sentinels, name, began + QUIET)
            if after:
                # The Sentinels would leave it alone for seconds more.
                ask(before.primary, ("REPLICAOF", after.host, str(after.port)))
        seconds = time.monotonic() - began
        if after:
            # Its launcher reads there whom it followed last. Not before: what it has for this moment is not to be kept.
            ask(before.primary, ("CONFIG", "REWRITE"))
        else:
            after = _another(before.primary, sentinels, name, end)
    except (Unreachable, ErrorReply) as fault:
        raise NotMoved(
            f"{before.primary} went away while it went on: {fault}. `manage.py topology` shows where the primary is."
        ) from fault
    if after is None:
        raise NotMoved(f"After {PATIENCE:.0f} s {before.primary} still is primary: the logs of the Sentinels say why.")
    return Moved(former=before.primary, primary=after, seconds=seconds)


@contextmanager
def _quiet(primary: Address) -> Iterator[None]:
    """For as long as the block runs the primary takes no writes, and sends its replicas nothing at all: reads go on.

    Whatever a replica gets of it after another one has been promoted, a sign of life too, makes it differ from the new
    primary: it would copy everything anew, and for that long nobody could confirm a write."""
    try:
        ask(primary, ("CLIENT", "PAUSE", str(PAUSE), "WRITE"), ("CONFIG", "SET", PERIOD, NEVER))
        yield
    finally:
        _wake(primary)


def _wake(primary: Address) -> None:
    """Ends the quiet, and does not give up at once: replicas that get no signs of life leave their primary."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            ask(primary, ("CONFIG", "SET", PERIOD, USUALLY), ("CLIENT", "UNPAUSE"))
        except Unreachable:
            if time.monotonic() > end:
                raise
            time.sleep(LOOK_EVERY)
        else:
            return


def _order(sentinels: Sequence[Address], name: str) -> Address:
    """Gives the order to the first Sentinel that takes it, and says which that is."""
    faults = []
    for sentinel in sentinels:
        try:
            have_replicas_asked(sentinel, name)
            time.sleep(max(ORDER_AT - _asked_before(sentinel, name), 0) / 1000)
            ask(sentinel, ("SENTINEL", "FAILOVER", name))
        except (Unreachable, ErrorReply) as fault:
            faults.append(f"{sentinel}: {fault}")
        else:
            return sentinel
    raise NotMoved(f"No Sentinel takes the order: {'; '.join(faults)}. `manage.py topology` shows what is missing.")


def _asked_before(sentinel: Address, name: str) -> int:
    """Milliseconds since this Sentinel asked the replica, of those that answer, that it asked first."""
    (replicas,) = ask(sentinel, ("SENTINEL", "REPLICAS", name))
    return max((int(replica["info-refresh"]) for replica in _answering(list(map(_pairs, replicas)))), default=0)


def _wait_for_choice(leader: Address, name: str, primary: Address, end: float) -> None:
    """Returns as soon as the Sentinel that replaces the primary has chosen by whom: in its next turn it promotes it."""
    while not _has_chosen(leader, name, primary):
        if time.monotonic() > end:
            raise NotMoved(f"After {PATIENCE:.0f} s {leader} has chosen no other primary: its log says why.")
        time.sleep(LOOK_CLOSELY)


def _has_chosen(leader: Address, name: str, primary: Address) -> bool:
    where, record, replicas = ask(
        leader,
        ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name),
        ("SENTINEL", "MASTER", name),
        ("SENTINEL", "REPLICAS", name),
    )
    if Address(where[0], int(where[1])) != primary:
        return True
    if "failover_in_progress" not in _pairs(record)["flags"].split(","):
        raise NotMoved(f"The Sentinel {leader} gave up, and {primary} still is primary: its log says why.")
    return any("promoted" in replica["flags"].split(",") for replica in map(_pairs, replicas))


def _another(primary: Address, sentinels: Sequence[Address], name: str, end: float) -> Address | None:
    """The primary after this one, as soon as there is one; None where there is none until `end`."""
    while (after := ask_sentinels(sentinels, name).primary) in (None, primary):
        if time.monotonic() > end:
            return None
        time.sleep(LOOK_CLOSELY)
    return after
