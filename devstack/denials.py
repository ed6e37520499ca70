"""What data nodes and Sentinels have denied: an entry of their ACL LOG is a rule that is too narrow, or an attack."""

from collections.abc import Iterable

from devstack.layout import Layout
from exactly_once.client import Address, ErrorReply, run_once
from exactly_once.errors import ServerError
from exactly_once.replies import parse_pairs

#: Entries of one server that are read; it stores 128 by default.
MAX_ENTRIES = 128
TIMEOUT_S = 1.0


def read_denials(layout: Layout, names: Iterable[str] = ()) -> list[str]:
    """A line for each entry in the ACL LOG of these servers, or of every one. A server that does not answer has
    none."""
    servers = {**layout.redis, **layout.sentinels}
    return [f"{name}: {entry}" for name in names or servers for entry in _read(layout, servers[name])]


def forget_denials(layout: Layout) -> None:
    """Empty the ACL LOG of every server, after denials that were meant."""
    for address in (*layout.redis.values(), *layout.sentinels.values()):
        run_once(address, ("ACL", "LOG", "RESET"), timeout=TIMEOUT_S, credentials=layout.operator)


def _read(layout: Layout, address: Address) -> list[str]:
    try:
        (entries,) = run_once(address, ("ACL", "LOG", MAX_ENTRIES), timeout=TIMEOUT_S, credentials=layout.operator)
    except (ServerError, ErrorReply):
        return []
    return [_format(parse_pairs(entry)) for entry in entries]


def _format(entry: dict[str, str]) -> str:
    """An entry in one line: who was denied what, where, and how often."""
    who = f"{entry['username']} ({entry['client-info'].partition(' laddr')[0]})"
    return f"{who} was denied the {entry['reason']} {entry['object']} ({entry['context']}), {entry['count']} times"
