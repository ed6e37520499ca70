"""Bounds the age of the append-only file: what was erased from the store stays in it until it is rewritten.

The server rewrites it when it has doubled. That of a small shop would hold erased people for years. Beside each data
node it is rewritten once a day, at another hour of its age on each, so that not all nodes fork at once. The slow log is
emptied with it: its entries have the first bytes of arguments, such as an address.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from agents.copies import FILES
from agents.launch import is_running, log
from exactly_once.client import Address, ErrorReply, Nodes
from exactly_once.errors import ServerError

#: Of the file that the first of the nodes rewrites, and how much later each other one does. A store has up to five
#: nodes: all of them are done within a day.
MAX_AGE_S, STAGGER_S = 18 * 3600, 3600
MAX_STAGGERS = 5
POLL_S, TIMEOUT_S = 300.0, 5.0
BASE_FILES = "*.base.*"


def watch_file(connections: Nodes, me: Address, nodes: Sequence[Address], directory: Path, server_pid: int) -> None:
    """Rewrite the file of the server announced as `me` whenever it is too old, until its process ends."""
    max_age_s = find_max_age_s(me, nodes)
    with closing(connections):
        while is_running(server_pid):
            if is_too_old(directory, max_age_s, time.time()):
                rewrite(connections, me)
            time.sleep(POLL_S)


def find_max_age_s(me: Address, nodes: Sequence[Address]) -> float:
    """The age at which this one of the nodes rewrites its file."""
    position = nodes.index(me) if me in nodes else 0
    return MAX_AGE_S + position % MAX_STAGGERS * STAGGER_S


def is_too_old(directory: Path, max_age_s: float, now: float) -> bool:
    """Whether the last rewrite of a node's append-only file is so long ago. False where there is none, and where the
    clock was set back."""
    return any(now - _modified_at(file, now) > max_age_s for file in (directory / FILES).glob(BASE_FILES))


def rewrite(connections: Nodes, me: Address) -> None:
    """Have the file rewritten. The next look tries again where that fails."""
    try:
        connections[me].run(("BGREWRITEAOF",), ("SLOWLOG", "RESET"), timeout=TIMEOUT_S)
        log("the append-only file is rewritten: it may hold what was erased")
    except (ServerError, ErrorReply, OSError) as error:
        log(f"the append-only file is not rewritten now: {error}", "warning")


def _modified_at(file: Path, otherwise: float) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # a rewrite has just replaced it
        return otherwise
