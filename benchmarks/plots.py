"""Bars as SVG, for documents: without a library, scripts and fonts, legible on light and dark pages."""

from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.report import Report
from benchmarks.side import BEFORE, SHOP
from benchmarks.workloads import DRF, FASTAPI, NGINX, WORKLOADS

COLORS = {SHOP: "#2e8b57", BEFORE: "#9acd32", DRF: "#c0504d", FASTAPI: "#4f81bd", NGINX: "#8c8c8c"}
WIDTH, LABEL_WIDTH, VALUE_WIDTH, BAR, GAP, TOP = 860, 250, 90, 15, 14, 58
TEXT = 'font-family="sans-serif" font-size="12" fill="#777777"'

#: By the label of a group of bars: the value of each side.
Groups = Mapping[str, Mapping[str, float]]


def bars(title: str, groups: Groups) -> str:
    """Groups of bars, one bar a side; the longest is as wide as fits."""
    longest = max((value for sides in groups.values() for value in sides.values()), default=0) or 1.0
    scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / longest
    shapes, y = [], TOP
    for label, sides in groups.items():
        shapes.append(_text(LABEL_WIDTH - 8, y + BAR * len(sides) / 2 + 4, label, "end"))
        for side, value in sides.items():
            shapes.append(_bar(y, value * scale, COLORS[side]))
            shapes.append(_text(LABEL_WIDTH + value * scale + 5, y + BAR - 3, _figure(value)))
            y += BAR
        y += GAP
    shown = [side for side in COLORS if any(side in sides for sides in groups.values())]
    return _document(y, title, [*_legend(shown), *shapes])


def plots(report: Report) -> dict[str, str]:
    """The plots of a report, by file name."""
    load = report.main_load
    return {
        "cpu.svg": bars(f"CPU ms per request of all server processes, {load} connections", _groups(report, "cpu")),
        "latency.svg": bars(f"99th percentile of latency in ms, {load} connections", _groups(report, "p99_ms")),
        "rate.svg": bars(f"Answers a second, {load} connections", _groups(report, "rate")),
    }


def _groups(report: Report, figure: str) -> Groups:
    found: dict[str, dict[str, float]] = {}
    for row in report.rows:
        # nginx alone answers fifty times as many: beside it the other bars would be dots.
        if row.connections == report.main_load and (figure, row.side) != ("rate", NGINX):
            value = row.total_cpu_ms if figure == "cpu" else row.median(figure)
            found.setdefault(WORKLOADS[row.workload].title, {})[row.side] = value
    return found


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _document(height: int, title: str, shapes: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    heading = f'<text x="8" y="20" {TEXT} font-weight="bold">{escape(title)}</text>'
    return "\n".join([head, f"<title>{escape(title)}</title>", heading, *shapes, "</svg>", ""])


def _legend(sides: Sequence[str]) -> Sequence[str]:
    shapes = []
    for place, side in enumerate(sides):
        x = LABEL_WIDTH + 140 * place
        shapes += [f'<rect x="{x}" y="32" width="12" height="12" fill="{COLORS[side]}"/>', _text(x + 17, 43, side)]
    return shapes


def _bar(y: float, width: float, color: str) -> str:
    return f'<rect x="{LABEL_WIDTH}" y="{y}" width="{max(width, 1):.1f}" height="{BAR - 2}" fill="{color}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {TEXT}>{escape(text)}</text>'
