"""`make chaos`: the fault table, proved on a topology of its own."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import django
import orjson
from rich.console import Console

from chaos import partition, report
from chaos.embedded import starting
from chaos.faults import FAULTS, SHORT, Fault
from chaos.history import History
from chaos.run import Plan, Row, run
from chaos.target import NotHealed

NETWORK = "127.26"
#: Injections under one load. Its whole history is in memory until it is checked: 200 requests a second for 8 minutes.
MAX_INJECTIONS = 20


def main() -> int:
    """Runs what the command line asks for; 1 where a row does not pass."""
    arguments = _arguments()
    django.setup()
    console = Console(stderr=True)
    rows: list[Row] = []
    try:
        for row in _rows(arguments, console):
            rows.append(row)
            _keep(arguments.output, rows)
    finally:
        Console(width=None if sys.stdout.isatty() else 200).print(report.table(rows))
    console.print(
        f"Kept in {arguments.output}: table.md, table.json, and the history of every load that does not pass."
    )
    return int(any(row.violations for row in rows))


def _rows(arguments: argparse.Namespace, console: Console) -> Iterator[Row]:
    plan = Plan(times=arguments.count, seconds=arguments.seconds, rate=arguments.rate)
    for number, faults in enumerate(_groups(_wanted(arguments, console), arguments), start=1):
        rows, history = _run_group(faults, plan, arguments, console)
        if arguments.histories or any(row.violations for row in rows):
            (arguments.output / f"history-{number:02}.jsonl").write_bytes(history.as_lines())
        yield from rows


def _groups(faults: Sequence[Fault], arguments: argparse.Namespace) -> Iterator[Sequence[Fault]]:
    """The faults of one load each: as many as it has injections for, and one at least."""
    size = max(1, arguments.injections // arguments.count)
    for start in range(0, len(faults), size):
        yield faults[start : start + size]


def _run_group(
    faults: Sequence[Fault], plan: Plan, arguments: argparse.Namespace, console: Console
) -> tuple[list[Row], History]:
    """One topology, one load and one check for these faults."""
    began = datetime.now(UTC)
    with starting(NETWORK, durability=arguments.durability) as target, console.status("starting") as status:
        try:
            rows, history = run(target, faults, plan, status.update)
        except NotHealed as error:
            console.print(f"{', '.join(fault.name for fault in faults)}: {error}", style="red")
            raise
    for row in rows:
        for breach in row.violations[:5]:
            console.print(f"  {breach}", style="red", highlight=False, markup=False)
        verdict = "fails" if row.violations else "passes"
        console.print(f"{began:%H:%M:%S}  {row.fault.what}, {row.times} times: {row.requests:,} requests, {verdict}")
    return rows, history


def _wanted(arguments: argparse.Namespace, console: Console) -> Sequence[Fault]:
    names = arguments.fault or (SHORT if arguments.short else FAULTS)
    wanted = [FAULTS[name] for name in names]
    if partition.is_possible():
        return wanted
    left_out = [fault.name for fault in wanted if fault.is_root]
    if left_out:
        console.print(f"Left out, because they take root and iptables: {', '.join(left_out)}", style="yellow")
    return [fault for fault in wanted if not fault.is_root]


def _keep(output: Path, rows: Sequence[Row]) -> None:
    (output / "table.md").write_text(report.markdown(rows))
    (output / "table.json").write_bytes(orjson.dumps(report.as_record(rows), option=orjson.OPT_INDENT_2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--fault", action="append", choices=sorted(FAULTS), metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--short", action="store_true", help="only the rows of the short run")
    parser.add_argument("--count", type=int, default=20, help="how often each fault is injected (20)")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long a fault lasts that has a length (15)")
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second (200)")
    parser.add_argument(
        "--durability",
        choices=("replicated", "fsynced"),
        default="replicated",
        help="EVERGREEN_DURABILITY (replicated)",
    )
    parser.add_argument("--output", type=Path, default=Path(".chaos"), help="where the table is kept (.chaos)")
    parser.add_argument(
        "--injections",
        type=int,
        default=MAX_INJECTIONS,
        help=f"how many injections share a topology, a load and a check ({MAX_INJECTIONS})",
    )
    parser.add_argument("--histories", action="store_true", help="keep the history of every load")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    return arguments


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    sys.exit(main())
