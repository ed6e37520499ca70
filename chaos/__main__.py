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
from chaos.run import Plan, Row, run
from chaos.target import NotHealed

NETWORK = "127.26"


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
    console.print(f"Kept in {arguments.output}: table.md, table.json, and the history of every row that does not pass.")
    return int(any(row.violations for row in rows))


def _rows(arguments: argparse.Namespace, console: Console) -> Iterator[Row]:
    plan = Plan(times=arguments.count, seconds=arguments.seconds, rate=arguments.rate)
    for fault in _wanted(arguments, console):
        began = datetime.now(UTC)
        with starting(NETWORK, durability=arguments.durability) as target, console.status(fault.name) as status:
            try:
                row, history = run(target, fault, plan, status.update)
            except NotHealed as error:
                console.print(f"{fault.name}: {error}", style="red")
                raise
        for breach in row.violations[:5]:
            console.print(f"  {breach}", style="red", highlight=False, markup=False)
        if row.violations or arguments.histories:
            (arguments.output / f"{fault.name}.jsonl").write_bytes(history.as_lines())
        verdict = "fails" if row.violations else "passes"
        console.print(f"{began:%H:%M:%S}  {fault.what}, {row.times} times: {row.requests:,} requests, {verdict}")
        yield row


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
    parser.add_argument("--histories", action="store_true", help="keep the history of every row")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    return arguments


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    sys.exit(main())
