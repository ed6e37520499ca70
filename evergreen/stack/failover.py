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

from evergreen.stack.launch import is_running
from evergreen.stack.wire import Address, ErrorReply, Unreachable, ask

# A replica can be elected that was asked within five ping periods: shorter ones, and none would be good enough.
INTERVALS = ("info-period", "1000", "publish-period", "500", "ask-period", "100", "ping-period", "250")
LOOK_EVERY = 0.1
#: Milliseconds without a sign of life, after which the primary may be about to be found down. The promotion comes
#: some 700 ms after that: were replicas asked much earlier, it would just miss the next time that they are.
SILENCE = 600
#: Milliseconds since replicas were asked, which count as just now.
JUST_NOW = 200


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
            _debug(me, *INTERVALS)
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
        _debug(me, *INTERVALS)


def _debug(me: Address, *intervals: str) -> None:
    ask(me, ("SENTINEL", "DEBUG", *intervals))


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
