"""The report of a comparison: tables, and everything that was measured as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.grid import Grid
from benchmarks.measuring import Row
from benchmarks.refusals import Refusals
from benchmarks.side import SHOP
from benchmarks.workloads import DRF, FASTAPI, NGINX, WORKLOADS

KINDS = ("api", "worker", "nginx", "redis", "sentinel", "supervisor")


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Everything of a run."""

    machine: Mapping[str, str]
    products: int
    seconds: float
    rows: Sequence[Row]
    refusals: Refusals | None

    @property
    def failed(self) -> int:
        """Requests without a success, but those that were refused in overload."""
        return sum(row.failed for row in self.rows) + (self.refusals.failed if self.refusals else 0)

    @property
    def is_valid(self) -> bool:
        """Whether the figures count: every request of the shop had a success, and every one of the table of ratios. A
        peer that gives out under another load is a result, which its row shows."""
        rows = [row for row in self.rows if row.side == SHOP or row.connections == self.main_load]
        return not any(row.failed for row in rows) and not (self.refusals and self.refusals.failed)

    @property
    def loads(self) -> Sequence[int]:
        return sorted({row.connections for row in self.rows})

    @property
    def main_load(self) -> int:
        """The load of the table of ratios: the one in the middle."""
        return self.loads[len(self.loads) // 2]

    def cpu_ms(self, workload: str, side: str) -> float | None:
        """The CPU time of a request at the main load; None where that was not measured."""
        found = (
            row for row in self.rows if (row.workload, row.side, row.connections) == (workload, side, self.main_load)
        )
        return next((row.total_cpu_ms for row in found), None)

    @property
    def document(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "machine": dict(self.machine),
            "products": self.products,
            "seconds": round(self.seconds, 1),
            "rows": [_row_document(row) for row in self.rows],
            "refusals": asdict(self.refusals) if self.refusals else None,
            "failed": self.failed,
        }


def grids(report: Report) -> list[Grid]:
    """The tables: ratios at the main load, then everything of each load, refusals, and the machine."""
    return [
        *([ratios(report)] if report.rows else []),
        *(of_load(report, connections) for connections in report.loads),
        *([refused(report.refusals)] if report.refusals else []),
        machine(report),
    ]


def ratios(report: Report) -> Grid:
    """CPU time of a request on each side, and the shop's by that of each peer."""
    title = f"CPU ms per request of all server processes, {report.main_load} connections, medians"
    columns = ("request", SHOP, DRF, FASTAPI, NGINX, f"by {DRF}", f"by {FASTAPI}", f"by {NGINX}")
    grid = Grid(title=title, columns=columns)
    for key, workload in WORKLOADS.items():
        costs = [report.cpu_ms(key, side) for side in (SHOP, DRF, FASTAPI, NGINX)]
        if any(costs):
            ours = costs[0]
            quotients = [ours / cost if ours and cost else None for cost in costs[1:]]
            grid.rows.append([workload.title, *(_figure(each, 3) for each in costs), *map(_figure, quotients)])
    if report.refusals:
        grid.rows.append(["a purchase refused in overload", _figure(report.refusals.refused_cpu_ms, 3), *[""] * 6])
    return grid


def of_load(report: Report, connections: int) -> Grid:
    """Everything of one load."""
    columns = ("request", "side", "CPU ms", *KINDS, "answers/s", "p50 ms", "p99 ms", "p99.9 ms", "failed")
    grid = Grid(title=f"{connections} connection{'s' if connections > 1 else ''}", columns=columns)
    grid.rows += [_cells(row) for row in report.rows if row.connections == connections]
    return grid


def refused(refusals: Refusals) -> Grid:
    """What a refused purchase costs."""
    columns = (
        "answered/s",
        "refused/s",
        "failed otherwise",
        "CPU ms, answered",
        "CPU ms, refused",
        "refused by answered",
    )
    title = f"Purchases over {refusals.connections:,} connections"
    grid = Grid(title=title, columns=columns)
    costs = (refusals.answered_cpu_ms, refusals.refused_cpu_ms, refusals.ratio)
    rates = (f"{refusals.answered_per_s:,.0f}", f"{refusals.refused_per_s:,.0f}", f"{refusals.failed:,}")
    grid.rows.append([*rates, *(_figure(each, 3) for each in costs)])
    return grid


def machine(report: Report) -> Grid:
    """What it was measured on."""
    size = {"products": f"{report.products:,}", "duration": f"{report.seconds:.0f} s"}
    grid = Grid(title="Measured on", columns=("what", "which"))
    grid.rows += [(name, text) for name, text in {**report.machine, **size}.items()]
    return grid


def verdict(report: Report) -> str:
    """One line: whether the figures count."""
    if not report.failed:
        return "Every request had a success."
    failures = ", ".join(_failures(report))
    if report.is_valid:
        return f"Every request of the shop had a success. Of peers, {report.failed:,} had none: {failures}."
    return f"INVALID: {report.failed:,} requests had no success ({failures}). These figures do not count."


def _failures(report: Report) -> Iterator[str]:
    for row in report.rows:
        if row.failed:
            yield f"{row.failed:,} of {WORKLOADS[row.workload].title}, {row.side}, {row.connections} connections"


def _cells(row: Row) -> list[str]:
    cpu = [_figure(row.cpu_ms.get(kind)) for kind in KINDS]
    times = [_figure(row.median(figure), 1) for figure in ("p50_ms", "p99_ms", "p999_ms")]
    title = WORKLOADS[row.workload].title
    return [title, row.side, _figure(row.total_cpu_ms), *cpu, f"{row.median('rate'):,.0f}", *times, str(row.failed)]


def _row_document(row: Row) -> dict[str, Any]:
    figures = {name: row.median(name) for name in ("rate", "p50_ms", "p99_ms", "p999_ms")}
    return {
        "workload": row.workload,
        "side": row.side,
        "connections": row.connections,
        "cpu_ms": row.cpu_ms,
        "failed": row.failed,
        **figures,
        "rounds": [asdict(each) for each in row.rounds],
    }


def _figure(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"
