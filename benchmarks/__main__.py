"""What a request costs, beside peers: what `make bench` runs.

    python -m benchmarks [--short] [--workloads product purchase] [--sides Evergreen FastAPI] [--loads 1 32 200]
        [--rounds 3] [--seconds 2] [--products 92000] [--client wrk] [--output DIRECTORY] [--markdown]
        [--documents README.md docs/benchmarks.md] [--before TREE]

starts the shop and its peers on this machine, each with the same products, and sends them the same requests over
connections that stay open, the next one on each when the answer is there. It counts the CPU time of all server
processes by kind. Rounds of the sides alternate, and the median of the rounds counts. A run in which a request of the
shop had no success, or any at the load of the table of ratios, is marked INVALID, and ends with status 1.
With --before, the shop of another tree of files is a side: what a change has done to the costs.
"""

import os
import resource
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

import orjson

from benchmarks import documents, grid, plots, report
from benchmarks.comparison import SIDES, Choice, run
from benchmarks.measuring import Plan
from benchmarks.report import Report
from benchmarks.watch import watching
from benchmarks.workloads import MAX_REQUESTS, WORKLOADS

REFUSED = "refused"
#: A connection is a file at each of its ends.
OPEN_FILES = 16_384
#: Less than a minute, of the same code.
SHORT = {"loads": [4], "rounds": 1, "seconds": 1, "products": 400, "warm_up": 0, "max_requests": 1_000}


def choice_of(arguments: Namespace) -> Choice:
    """What these arguments ask for."""
    values = {**vars(arguments), **(SHORT if arguments.short else {})}
    plan = Plan(
        workloads=[WORKLOADS[key] for key in values["workloads"] if key != REFUSED],
        loads=values["loads"],
        rounds=values["rounds"],
        seconds=values["seconds"],
        warm_up_s=values["warm_up"],
    )
    return Choice(
        plan=plan,
        sides=values["sides"],
        products=values["products"],
        client=values["client"],
        has_refusals=REFUSED in values["workloads"],
        max_requests=values.get("max_requests", MAX_REQUESTS),
        before=values["before"],
    )


def save(found: Report, directory: Path) -> None:
    """Write everything that was measured, and the plots, into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_bytes(orjson.dumps(found.document, option=orjson.OPT_INDENT_2))
    save_plots(found, directory)


def save_plots(found: Report, directory: Path) -> None:
    """Write the plots into a directory."""
    for name, text in plots.plots(found).items():
        (directory / name).write_text(text, "utf-8")


def publish(found: Report, path: Path) -> None:
    """Put the tables of a run into a document, and the plots beside it where it shows them."""
    tables = "\n".join(each.markdown for each in report.grids(found))
    documents.update(path, {"ratios": report.ratios(found).markdown, "figures": tables})
    if f"]({documents.PLOTS}/" in path.read_text("utf-8"):
        save_plots(found, path.parent / documents.PLOTS)


def main() -> None:
    arguments = parse_arguments()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, OPEN_FILES) if most > 0 else OPEN_FILES, most))
    with watching() as watch:
        found = run(choice_of(arguments), watch)
    grid.show(report.grids(found), as_markdown=arguments.markdown)
    print(report.verdict(found))
    if arguments.output:
        save(found, arguments.output)
    if not found.is_valid:
        sys.exit(1)
    for path in arguments.documents:
        publish(found, path)


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    keys = [*WORKLOADS, REFUSED]
    parser.add_argument("--short", action="store_true", help="less than a minute: few products, one load, one round")
    parser.add_argument("--workloads", nargs="+", choices=keys, default=keys, metavar="KEY", help=", ".join(keys))
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES, metavar="SIDE", help=", ".join(SIDES))
    parser.add_argument("--loads", nargs="+", type=int, default=[1, 32, 200], help="connections (1 32 200)")
    parser.add_argument("--rounds", type=int, default=3, help="of each side, workload and load (3)")
    parser.add_argument("--seconds", type=int, default=2, help="of each round (2)")
    parser.add_argument("--warm-up", type=int, default=1, help="seconds of load before the rounds (1)")
    parser.add_argument("--products", type=int, default=92_000, help="on each side (92000)")
    parser.add_argument("--client", choices=("wrk", "python"), default="", help="wrk where it is installed")
    parser.add_argument("--before", type=Path, metavar="TREE", help="a checkout whose shop is measured as well")
    parser.add_argument("--output", type=Path, help="a directory for results.json and plots")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    parser.add_argument(
        "--documents", type=Path, nargs="+", default=[], help="put the tables into these, if all is well"
    )
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
