"""Failovers that take no longer than they must.

With Sentinel's own intervals a replica is chosen by what it said up to ten seconds ago, an old primary that is still
alive keeps its role for eight seconds, and Sentinels that find the primary down at different instants ask each other
once a second. Sentinel spares large clusters; here there are three nodes.

One interval cannot be set: while a failover runs, a replica is asked once a second whether it has been promoted,
counted from when it was asked last. So as soon as the primary is silent, all replicas are asked: the next time is then
shortly after the promotion, and not up to a second later.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evergreen.stack.launch import is_running
from evergreen.stack.observe import ask_sentinels
from evergreen.stack.wire import Address, ErrorReply, Unreachable, ask

# A replica can be elected that was asked within five ping periods. Shorter ones, and on a busy machine none would be
# good enough: the next attempt is six seconds later.
INTERVALS = ("info-period", "1000", "publish-period", "500", "ask-period", "100", "ping-period", "300")
LOOK_EVERY = 0.1
#: Milliseconds without a sign of life, after which the primary may be about to be found down. The promotion comes
#: some 600 ms after that: were replicas asked much earlier, it would just miss the next time that they are.
SILENCE = 700
#: Milliseconds since replicas were asked, which count as just now.
JUST_NOW = 200
#: Seconds between having replicas asked and the order of a planned failover, and those in which it must be over.
BEFORE_ORDER, PATIENCE = 0.7, 10.0
#: Milliseconds for which the former primary takes no writes: until long after it has become a replica.
PAUSE = 5000


def is_silent(primary: Mapping[str, str]) -> bool:
    """Whether the primary, as a Sentinel describes it, has stopped answering and is not yet found down."""
    return int(primary["last-ok-ping-reply"]) > SILENCE and "s_down" not in primary["flags"].split(",")


def were_asked(replicas: Sequence[Mapping[str, str]]) -> bool:
    """Whether every replica that answers was asked just now how it is."""
    answering = [replica for replica in replicas if "disconnected" not in replica["flags"].split(",")]
    return all(int(replica["info-refresh"]) < JUST_NOW for replica in answering)


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
    """A planned failover: who was primary, who is, and the seconds until a majority of the Sentinels said so."""

    former: Address
    primary: Address
    seconds: float


class NotMoved(Exception):
    """The primary is where it was, or nobody knows; the text says why and what to do."""


def move_primary(sentinels: Sequence[Address], name: str) -> Moved:
    """Makes a replica the primary of this name. Raises NotMoved."""
    before = ask_sentinels(sentinels, name)
    if before.primary is None or before.primary_is_down or before.is_failing_over:
        raise NotMoved("The Sentinels agree on no primary that works: wait until they do (`manage.py topology`).")
    try:
        began = _order(before.primary, sentinels, name)
        after = _wait_for_another(before.primary, sentinels, name)
        # Whoever still waits for the former primary goes to the new one at once.
        ask(before.primary, ("CLIENT", "KILL", "TYPE", "normal"))
    except (Unreachable, ErrorReply) as fault:
        raise NotMoved(
            f"{before.primary} refuses: {fault}. `manage.py topology` shows where the primary is."
        ) from fault
    return Moved(former=before.primary, primary=after, seconds=time.monotonic() - began)


def _order(primary: Address, sentinels: Sequence[Address], name: str) -> float:
    """Gives the order to the first Sentinel that takes it, and says when."""
    faults = []
    for sentinel in sentinels:
        try:
            have_replicas_asked(sentinel, name)
            # They are asked again a second after that: shortly after one of them has been promoted.
            time.sleep(BEFORE_ORDER)
            # What the primary took after the other one was promoted, its replica would have to throw away, and copy
            # everything anew. Reads go on.
            began = time.monotonic()
            ask(primary, ("CLIENT", "PAUSE", str(PAUSE), "WRITE"))
            ask(sentinel, ("SENTINEL", "FAILOVER", name))
        except (Unreachable, ErrorReply) as fault:
            faults.append(f"{sentinel}: {fault}")
        else:
            return began
    ask(primary, ("CLIENT", "UNPAUSE"))
    raise NotMoved(f"No Sentinel takes the order: {'; '.join(faults)}. `manage.py topology` shows what is missing.")


def _wait_for_another(primary: Address, sentinels: Sequence[Address], name: str) -> Address:
    """The primary after this one."""
    end = time.monotonic() + PATIENCE
    while (after := ask_sentinels(sentinels, name).primary) in (None, primary):
        if time.monotonic() > end:
            ask(primary, ("CLIENT", "UNPAUSE"))
            raise NotMoved(f"After {PATIENCE:.0f} s {primary} still is primary: the logs of the Sentinels say why.")
        time.sleep(0.02)
    return after
