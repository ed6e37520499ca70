"""Where the interpreter's time goes on each hot path: samples of one process of the API under load, by package.

    python -m benchmarks.profiles [--workloads product newest purchase] [--seconds 8] [--connections 32] [--markdown]

needs py-spy, which samples what holds the GIL, and may need root. A share is of the samples whose innermost function is
in that package: its own time, without what it calls.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import client, documents, grid, machine, processes, sides
from benchmarks.client import Client
from benchmarks.grid import Grid
from benchmarks.measuring import Comparison
from benchmarks.side import Side
from benchmarks.watch import watching
from benchmarks.workloads import WORKLOADS, Catalogue, Workload

CUSTOMERS, WARM_UP_S, SAMPLES_PER_S, MAX_FUNCTIONS = 20, 2, 200, 12
HOT_PATHS = ("product", "newest", "purchase")
#: By the beginning of a path below site-packages or the tree; the first that fits counts.
PACKAGES = (
    ("django/", "Django"),
    ("rest_framework/", "DRF"),
    ("redis/", "redis-py"),
    ("gunicorn/", "gunicorn"),
    ("prometheus_client/", "Prometheus client"),
    ("structlog/", "structlog"),
    ("orjson/", "orjson"),
    ("exactly_once/", "exactly_once"),
    ("evergreen/", "evergreen (server loop, logs)"),
    ("shop/", "shop"),
    ("operations/", "operations"),
)
STANDARD_LIBRARY = "standard library"
_FRAME = re.compile(r"^(?P<function>\S.*?) \((?P<path>[^()]*?)(?::\d+)?\)$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """Samples by package and by function, of the innermost frames."""

    packages: Counter[str]
    functions: Counter[str]


def read(stacks: Iterable[str]) -> Profile:
    """The profile in stacks as py-spy writes them: frames from the outermost to the innermost, and how often."""
    packages: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for line in stacks:
        frames, _, count = line.strip().rpartition(" ")
        match = _FRAME.match(frames.rpartition(";")[2])
        if match and count.isdecimal():
            package = package_of(match["path"])
            packages[package] += int(count)
            functions[f"{match['function']} ({package})"] += int(count)
    return Profile(packages=packages, functions=functions)


def package_of(path: str) -> str:
    """What a file belongs to."""
    parts = f"/{path}"
    return next((name for start, name in PACKAGES if f"/{start}" in parts), STANDARD_LIBRARY)


def record(workload: Workload, side: Side, comparison: Comparison, used: Client, arguments: Namespace) -> Profile:
    """Profile one process of the API under a workload."""
    requests = comparison.requests(workload, side)
    used.send(side.port, requests, arguments.connections, WARM_UP_S)
    worker = max(processes.members({"api": side.processes["api"][:1]})["api"])
    with tempfile.NamedTemporaryFile(suffix=".txt") as output:
        options = ["--gil", "--format", "raw", "--rate", str(SAMPLES_PER_S), "--duration", str(arguments.seconds)]
        words = [
            arguments.program,
            "record",
            *options,
            "--full-filenames",
            "--pid",
            str(worker),
            "--output",
            output.name,
        ]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as sampling:
            used.send(side.port, requests, arguments.connections, arguments.seconds + 1)
            _, errors = sampling.communicate()
        if sampling.returncode:
            raise SystemExit(f"py-spy has failed: {errors}")
        return read(Path(output.name).read_text().splitlines())


def by_package(found: dict[str, Profile]) -> Grid:
    """The table of packages: a column for each workload."""
    rows = Grid(title="Share of the interpreter's time", columns=["package", *(WORKLOADS[key].title for key in found)])
    totals = {key: max(each.packages.total(), 1) for key, each in found.items()}
    names = Counter({name: 0 for each in found.values() for name in each.packages})
    for each in found.values():
        names.update(each.packages)
    for name, _ in names.most_common():
        rows.rows.append([name, *(f"{each.packages[name] / totals[key]:.1%}" for key, each in found.items())])
    rows.rows.append(["samples", *(f"{each.packages.total():,}" for each in found.values())])
    return rows


def by_function(key: str, profile: Profile) -> Grid:
    """The table of the functions that take most time themselves."""
    rows = Grid(title=f"{WORKLOADS[key].title}: functions by their own time", columns=["function", "share"])
    total = max(profile.functions.total(), 1)
    rows.rows += [(name, f"{count / total:.1%}") for name, count in profile.functions.most_common(MAX_FUNCTIONS)]
    return rows


def main() -> None:
    arguments = _arguments()
    used, products = client.find(arguments.client), sides.products_for_sale(arguments.products)
    found: dict[str, Profile] = {}
    with watching() as watch, sides.topology() as started, tempfile.TemporaryDirectory() as directory:
        watch.say("the shop is filled")
        side = sides.filled(started, products, CUSTOMERS)
        comparison = Comparison(used, [side], Catalogue.of(products), Path(directory))
        for key in arguments.workloads:
            watch.say(WORKLOADS[key].title)
            found[key] = record(WORKLOADS[key], side, comparison, used, arguments)
    tables = [by_package(found), *(by_function(key, profile) for key, profile in found.items())]
    grid.show(tables, as_markdown=arguments.markdown)
    documents.publish(arguments.documents, "profiles", tables, machine.line(machine.describe(used.name)))


def _arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    program = shutil.which("py-spy") or shutil.which("py-spy", path=Path(sys.executable).parent)
    parser.add_argument("--program", default=program, help="py-spy, where it is not beside Python or on the path")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=HOT_PATHS)
    parser.add_argument("--products", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=8, help="of samples for each workload (8)")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--client", choices=("wrk", "python"), default="")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    documents.add_argument(parser)
    arguments = parser.parse_args()
    if arguments.program is None:
        parser.error("py-spy is not installed: pip install py-spy, or name it with --program.")
    return arguments


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
