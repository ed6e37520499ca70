"""The fault table: in the terminal, as Markdown and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from chaos.anomalies import Anomaly
from chaos.run import Row

#: Sentences in the record of a row that does not pass; its history has the rest.
MAX_FAILURES = 100

_HEADINGS = (
    "fault",
    "times",
    "requests",
    "failed reads",
    "failed writes",
    "longest read, s",
    "longest write, s",
    "no write acknowledged, s",
    "lost",
    "doubled",
    "oversold",
    "stale",
    "vouchers over limit",
    "refunded over captured",
    "paid, not sold",
    "sold, not paid",
    "movements",
    "events",
    "else",
    "",
)


#: The anomalies of each column.
_COLUMNS = (
    (Anomaly.LOST,),
    (Anomaly.DOUBLED,),
    (Anomaly.OVERSOLD,),
    (Anomaly.STALE,),
    (Anomaly.OVER_LIMIT,),
    (Anomaly.OVER_REFUNDED,),
    (Anomaly.PAID_NOT_SOLD,),
    (Anomaly.SOLD_NOT_PAID,),
    (Anomaly.MISCOUNTED,),
    (Anomaly.MISSING_EVENT, Anomaly.STRAY_EVENT),
    (Anomaly.DIVERGED, Anomaly.BAD_ANSWER),
)


def table(rows: Sequence[Row]) -> Table:
    """The rows for the terminal."""
    result = Table(box=None, pad_edge=False, header_style="bold")
    for heading in _HEADINGS:
        result.add_column(heading, justify="left" if heading in ("fault", "") else "right")
    for row in rows:
        result.add_row(*_cells(row), style="red" if row.failures else "")
    return result


def markdown(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [_HEADINGS, ["---", *("---:" for _ in _HEADINGS[1:-1]), "---"], *(list(_cells(row)) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def as_record(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows for JSON."""
    return [
        {
            "fault": row.fault.name,
            "times": row.times,
            "requests": row.requests,
            "failed_reads": len(row.failed_reads),
            "failed_writes": len(row.failed_writes),
            "longest_read_seconds": round(row.longest_read, 3),
            "longest_write_seconds": round(row.longest_write, 3),
            "longest_pause_seconds": round(row.pause, 3),
            **{str(anomaly): row.count(anomaly) for anomaly in Anomaly},
            "passes": not row.failures,
            "failures": row.failures[:MAX_FAILURES],
        }
        for row in rows
    ]


def _cells(row: Row) -> Iterator[str]:
    yield row.fault.what
    yield from (f"{number:,}" for number in (row.times, row.requests, len(row.failed_reads), len(row.failed_writes)))
    yield from (f"{seconds:.2f}" for seconds in (row.longest_read, row.longest_write, row.pause))
    yield from (f"{row.count(*anomalies):,}" for anomalies in _COLUMNS)
    yield "fails" if row.failures else "passes"
