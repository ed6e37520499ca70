"""What happens when more is asked than can be answered.

    python -m benchmarks.overload [--rates 300 600 900 1200] [--seconds 10]

calls the shop through nginx, open loop, with two reads to each purchase, at one rate after the other, and says how much
of it was answered in each second of the middle, how much was refused with Retry-After, and how long the responses took.
"""

import argparse
import os
import time
from collections.abc import Sequence
from statistics import median

import django
from rich.console import Console
from rich.table import Table

from benchmarks.failover import ReadsAndWrites, p99
from chaos.embedded import EmbeddedTarget, start
from chaos.history import Call
from chaos.load import Load

NETWORK = "127.29"
#: At the beginning and at the end that do not count: of warming up, and of a client that is late.
EDGE_S = 2.0
REST_S = 5.0


def run_load(target: EmbeddedTarget, rate: int, seconds: float) -> list[Call]:
    """Every call of so many seconds at this rate but those at the edges."""
    load = Load(target.url, ReadsAndWrites(target.set_up(), rate * 2 // 3, rate // 3), rate)
    load.start()
    try:
        time.sleep(seconds + 2 * EDGE_S)
    finally:
        history = load.stop()
    return [call for call in history.calls if EDGE_S <= call.due < EDGE_S + seconds]


def main() -> None:
    arguments = _arguments()
    django.setup()
    table = Table("asked, per s", "answered, per s", "refused", "else", "answers p50, ms", "answers p99, ms")
    with start(NETWORK) as target:
        for rate in arguments.rates:
            table.add_row(*_row(rate, run_load(target, rate, arguments.seconds), arguments.seconds))
            time.sleep(REST_S)
    Console(width=140).print(table)


def _row(rate: int, calls: Sequence[Call], seconds: float) -> Sequence[str]:
    answered = [call for call in calls if call.is_acknowledged]
    refused = [call for call in calls if call.status == 503 and call.retry_after]
    return (
        f"{rate:,}",
        f"{len(answered) / seconds:,.0f}",
        f"{len(refused) / len(calls):.1%}",
        f"{len(calls) - len(answered) - len(refused):,}",
        f"{1000 * median(call.seconds for call in answered):.0f}",
        f"{p99(answered):.0f}",
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what overload costs.")
    parser.add_argument("--rates", type=int, nargs="+", default=[300, 600, 900, 1200], help="requests a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="at each rate (10)")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
