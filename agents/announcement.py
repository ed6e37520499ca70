"""Announce a replica that is to be added, before it exists: to the Sentinels, and through them to every process that
writes.

A replica that acknowledges must be one that every process counts, or a write would be believed that another replica
lacks. Sentinel has no command to add a replica: it finds those that the primary names. So this module asks the primary
for a copy in the name of the replica, takes none of it, confirms nothing, and hangs up once every Sentinel knows the
replica. From then on it is one that is down, until it starts. ADR 60.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from redis.exceptions import RedisError

from exactly_once.client import Address, Node, Nodes
from exactly_once.credentials import Credentials
from exactly_once.sentinels import Sentinels, SentinelView, find_consensus
from exactly_once.topology import MAX_VIEW_AGE_S

#: In which every Sentinel learns of it: each asks the primary once a second. The primary gives up on a replica that is
#: silent for longer than five seconds.
TIMEOUT_S, POLL_S = 4.0, 0.1
#: After so long every process that writes has asked the Sentinels again, in seconds.
COUNTED_AFTER_S = MAX_VIEW_AGE_S + 1.0
HANDSHAKE_TIMEOUT_S = 2.0


class NotAnnounced(Exception):
    """Not every Sentinel knows the replica; the text says what to do. Nothing else has changed."""


def announce(replica: Address, sentinels: Sequence[Address], name: str, credentials: Credentials | None) -> None:
    """Return when every process counts the replica at this address, also where it was announced before.

    Raises:
        NotAnnounced.
    """
    with closing(Nodes(credentials=credentials)) as nodes, closing(Sentinels(sentinels, name, nodes)) as asked:
        views = _complete_views(asked)
        if not _is_known(replica, views):
            _announce(replica, asked, nodes[_primary(views)])
        time.sleep(COUNTED_AFTER_S)


def _complete_views(sentinels: Sentinels) -> Sequence[SentinelView | None]:
    """The views of all Sentinels, each of which may be late on a busy machine; of those that answer at the end."""
    end = time.monotonic() + TIMEOUT_S
    while not all(views := sentinels.ask()) and time.monotonic() < end:
        time.sleep(POLL_S)
    return views


def _primary(views: Sequence[SentinelView | None]) -> Address:
    consensus = find_consensus(views)
    if consensus.primary is None or consensus.primary_is_down or consensus.is_failing_over or not all(views):
        raise NotAnnounced("Not every Sentinel answers and agrees on a primary that works: `doctor` says why.")
    return consensus.primary


def _announce(replica: Address, sentinels: Sentinels, primary: Node) -> None:
    end = time.monotonic() + TIMEOUT_S
    with _attached(primary, replica):
        while not _is_known(replica, sentinels.ask()):
            if time.monotonic() > end:
                raise NotAnnounced(f"Not every Sentinel knows {replica} after {TIMEOUT_S:.0f} s: try again.")
            time.sleep(POLL_S)


def _is_known(replica: Address, views: Sequence[SentinelView | None]) -> bool:
    return all(view is not None and replica in (*view.replicas, view.primary) for view in views)


@contextmanager
def _attached(primary: Node, replica: Address) -> Iterator[None]:
    """The primary names this replica while the block runs, as one whose copy is on its way."""
    connection = primary.connection()
    try:
        for option, value in (("listening-port", str(replica.port)), ("ip-address", replica.host)):
            connection.send_command("REPLCONF", option, value, check_health=False)
            connection.read_response(timeout=HANDSHAKE_TIMEOUT_S)
        connection.send_command("PSYNC", "?", "-1", check_health=False)
        yield
    except (RedisError, OSError) as error:
        raise NotAnnounced(f"{primary.address} names no further replica: {error}.") from error
    finally:
        connection.disconnect()
