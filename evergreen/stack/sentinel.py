"""The launcher of a Sentinel: starts it, and shortens the intervals that its configuration file cannot set.

With Sentinel's own intervals a replica is chosen by what it said up to ten seconds ago, an old primary that is still
alive keeps its role for eight seconds, and Sentinels that find the primary down at different instants ask each other
once a second. Sentinel spares large clusters; here there are three nodes.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from evergreen.stack.launch import become, is_running, say
from evergreen.stack.wire import Address, Unreachable, exchange

INTERVALS = ("info-period", "1000", "publish-period", "500", "ask-period", "100", "ping-period", "250")


def main(words: Sequence[str] | None = None) -> None:
    """Becomes the Sentinel that these words, or the command line, describe."""
    parser = argparse.ArgumentParser(prog="python -m evergreen.stack.sentinel", description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--configuration", type=Path, required=True)
    parser.add_argument("--me", type=Address.parse, required=True)
    given = parser.parse_args(words)
    command = [given.server, str(given.configuration), "--sentinel"]
    become(command, lambda server: _shorten_intervals(given.me, server))


def _shorten_intervals(me: Address, server: int) -> None:
    while is_running(server):
        try:
            (answer,) = exchange(me, ("SENTINEL", "DEBUG", *INTERVALS))
        except Unreachable:
            time.sleep(0.05)
        else:
            say(f"intervals: {answer}")
            return


if __name__ == "__main__":
    main()
