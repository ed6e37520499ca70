"""`make chaos`: load, faults and a check, on a topology of its own or on any target."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import django
import orjson
from rich.console import Console

from chaos import fault_table, partition
from chaos.faults import FAULTS, SHORT, Fault, expected
from chaos.history import History
from chaos.run import Plan, Row, run
from chaos.target import NotHealed, Target
from configuration import stack
from devstack.temporary import AccessDenied

NETWORK = "127.26"
#: Injections under one load. Its whole history is in memory until it is checked: 200 requests a second for 8 minutes.
MAX_INJECTIONS = 20
PIPE_WIDTH = 200

#: Starts a target, or connects to one, for as long as a block runs.
Start = Callable[[], AbstractContextManager[Target]]


def main() -> int:
    """Run what the command line asks for. Return 1 where a row does not pass."""
    arguments = _arguments()
    django.setup()
    console = Console(stderr=True)
    rows: list[Row] = []
    try:
        for row in _rows(arguments, console):
            rows.append(row)
            _write(arguments.output, rows)
    except (NotHealed, AccessDenied) as error:
        console.print(str(error), style="red", highlight=False, markup=False)
        return 1
    finally:
        Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(fault_table.table(rows))
    console.print(f"In {arguments.output}: table.md, table.json, and the history of every load that does not pass.")
    return int(any(row.failures for row in rows))


def _rows(arguments: argparse.Namespace, console: Console) -> Iterator[Row]:
    plan = Plan(
        times=arguments.count,
        seconds=arguments.seconds,
        rate=arguments.rate,
        mix=_load_name(arguments.mix),
        check=_load_name(arguments.checker),
    )
    start = _starter(arguments)
    for number, faults in enumerate(_groups(_wanted(arguments, console), arguments), start=1):
        rows, history = _run_group(start, faults, plan, console)
        if arguments.histories or any(row.failures for row in rows):
            (arguments.output / f"history-{number:02}.jsonl").write_bytes(history.as_lines())
        yield from rows


def _starter(arguments: argparse.Namespace) -> Start:
    if _is_url(arguments.target):
        from chaos.http_target import connect

        password = arguments.staff_password_file.read_text().strip()
        return partial(connect, arguments.target, arguments.staff, password)
    if arguments.target:
        return _load_name(arguments.target)  # type: ignore[no-any-return]
    from chaos.embedded import start

    encrypted = {"server": arguments.tls_server, "tls": True} if arguments.tls_server else {}
    numbers = {"data_nodes": arguments.data_nodes, "sentinels": arguments.sentinels}
    return partial(start, NETWORK, durability=arguments.durability, **numbers, **encrypted)


def _is_url(target: str) -> bool:
    return "://" in target


def _load_name(name: str) -> Any:
    """What is written MODULE:NAME."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def _groups(faults: Sequence[Fault], arguments: argparse.Namespace) -> Iterator[Sequence[Fault]]:
    """The faults of one load each: as many as it has injections for, and one at least."""
    size = max(1, arguments.injections // arguments.count)
    for start in range(0, len(faults), size):
        yield faults[start : start + size]


def _run_group(start: Start, faults: Sequence[Fault], plan: Plan, console: Console) -> tuple[list[Row], History]:
    """One target, one load and one check for these faults."""
    started_at = datetime.now(UTC)
    with start() as target, console.status("starting") as status:
        rows, history = run(target, faults, plan, status.update)
    for row in rows:
        for failure in row.failures[:5]:
            console.print(f"  {failure}", style="red", highlight=False, markup=False)
        verdict = "fails" if row.failures else "passes"
        times = f"{row.fault.what}, {row.times} times"
        console.print(f"{started_at:%H:%M:%S}  {times}: {row.requests:,} requests, {verdict}")
    return rows, history


def _wanted(arguments: argparse.Namespace, console: Console) -> Sequence[Fault]:
    if _is_url(arguments.target):
        return [FAULTS["nothing"]]
    names = arguments.fault or (SHORT if arguments.short else FAULTS)
    wanted = [expected(FAULTS[name], arguments.data_nodes, arguments.sentinels) for name in names]
    if partition.is_possible():
        return wanted
    left_out = [fault.name for fault in wanted if fault.is_root]
    if left_out:
        console.print(f"Left out, because they take root and iptables: {', '.join(left_out)}", style="yellow")
    return [fault for fault in wanted if not fault.is_root]


def _write(output: Path, rows: Sequence[Row]) -> None:
    (output / "table.md").write_text(fault_table.markdown(rows))
    (output / "table.json").write_bytes(orjson.dumps(fault_table.as_record(rows), option=orjson.OPT_INDENT_2))


def _add_topology_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--durability",
        choices=("replicated", "fsynced"),
        default="replicated",
        help="EVERGREEN_DURABILITY of the topology that is started (replicated)",
    )
    parser.add_argument(
        "--data-nodes",
        type=int,
        choices=range(stack.MIN_DATA_NODES, stack.MAX_DATA_NODES + 1),
        default=3,
        help="of the topology that is started: a primary and its replicas (3)",
    )
    parser.add_argument(
        "--sentinels", type=int, choices=stack.SENTINEL_COUNTS, default=3, help="of the topology that is started (3)"
    )
    parser.add_argument(
        "--tls-server",
        default="",
        metavar="FILE",
        help="a Redis or Valkey server that knows TLS, for a topology with TLS between all tiers",
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument(
        "--target",
        default="",
        metavar="URL|MODULE:NAME",
        help="a shop by its URL, or an adapter's start function (default: a topology of its own)",
    )
    parser.add_argument("--staff", metavar="EMAIL", help="a member of staff of the shop at the URL")
    parser.add_argument("--staff-password-file", type=Path, metavar="FILE", help="their password")
    parser.add_argument("--mix", default="chaos.mix:Mix", metavar="MODULE:NAME", help="the requests (chaos.mix:Mix)")
    parser.add_argument(
        "--checker", default="chaos.checker:check", metavar="MODULE:NAME", help="the check (chaos.checker:check)"
    )
    parser.add_argument("--fault", action="append", choices=sorted(FAULTS), metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--short", action="store_true", help="only the rows of the short run")
    parser.add_argument("--count", type=int, default=20, help="how often each fault is injected (20)")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long a fault lasts that has a length (15)")
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second (200)")
    _add_topology_options(parser)
    parser.add_argument("--output", type=Path, default=Path(".chaos"), help="directory for the table (.chaos)")
    parser.add_argument(
        "--injections",
        type=int,
        default=MAX_INJECTIONS,
        help=f"how many injections share a target, a load and a check ({MAX_INJECTIONS})",
    )
    parser.add_argument("--histories", action="store_true", help="write the history of every load")
    arguments = parser.parse_args()
    if _is_url(arguments.target) and (arguments.fault or arguments.short):
        parser.error("No faults can be injected into a shop known by its URL: write an adapter (docs/chaos.md).")
    if _is_url(arguments.target) and not (arguments.staff and arguments.staff_password_file):
        parser.error("Products are made by staff: give --staff and --staff-password-file.")
    arguments.output.mkdir(parents=True, exist_ok=True)
    return arguments


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    sys.exit(main())
