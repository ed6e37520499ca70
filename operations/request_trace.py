"""The trace of one request through the topology, assembled from the logs of all processes.

A line is written at the end of what it is about, with its duration, so the start of a span is computed from both.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from operations.deployment import LogDirectory
from operations.nginx_tries import tries_of

NGINX = "nginx"
ID = re.compile(r"[0-9a-f]{32}")
#: nginx separates the instances that it tried by commas, and by a colon where it went another way in between.


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Work on the request that began at `at`, in `process`. `status` is an HTTP status, `seconds` the duration; either
    is None where the log has none."""

    at: datetime
    process: str
    what: str
    status: int | None = None
    seconds: float | None = None


def read_trace(logs: LogDirectory, request_id: str) -> Sequence[Span]:
    """The spans of the request in these logs, rotated ones included, by their start; none where no line names it."""
    spans = [
        span
        for process, line in _lines(logs, request_id)
        for span in (_nginx_spans(logs, line) if process == NGINX else [_span(process, line, request_id)])
    ]
    return sorted(spans, key=lambda span: span.at)


def _lines(logs: LogDirectory, request_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(logs.path.glob("*.log*")):
        process = path.name.partition(".")[0]
        for line in _lines_with(path, request_id.encode()):
            yield process, line


def _lines_with(path: Path, mark: bytes) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for text in file:
            if mark in text and text.startswith(b"{"):
                # Of a line at the end of a file, the other half may be in the next one.
                with contextlib.suppress(ValueError):
                    yield json.loads(text)


def _nginx_spans(logs: LogDirectory, line: dict[str, Any]) -> Iterator[Span]:
    end, seconds = datetime.fromisoformat(line["time"]), line["request_time"]
    begin = end - timedelta(seconds=seconds)
    yield Span(at=begin, process=NGINX, what=f"received {line['method']} {line['uri']}")
    yield from _tries(logs, line, begin)
    yield Span(at=end, process=NGINX, what=_answered(line), status=line["status"], seconds=seconds)


def _tries(logs: LogDirectory, line: dict[str, Any], begin: datetime) -> Iterator[Span]:
    verb = "sent to"
    for each in tries_of(line):
        if each.reached_no_instance:
            yield Span(at=begin, process=NGINX, what="no instance had room")
            continue
        took = _number(each.seconds)
        what = f"{verb} {logs.upstreams.get(each.upstream, each.upstream)}"
        yield Span(at=begin, process=NGINX, what=what, status=int(_number(each.status)) or None, seconds=took)
        begin += timedelta(seconds=took)
        verb = "sent again to"


def _answered(line: dict[str, Any]) -> str:
    repeats = line["repeats"]
    times = "" if not repeats else " after 1 repeat" if repeats == 1 else f" after {repeats} repeats"
    return f"answered{times}"


def _number(text: str) -> float:
    """A number in nginx's log, where a dash stands for none."""
    return 0.0 if text == "-" else float(text)


def _span(process: str, line: dict[str, Any], request_id: str) -> Span:
    seconds = line.get("request_time")
    end = datetime.fromisoformat(line["time"])
    return Span(
        at=end - timedelta(seconds=seconds or 0),
        process=process,
        what=_described(line, request_id),
        status=line.get("status"),
        seconds=seconds,
    )


def _described(line: dict[str, Any], request_id: str) -> str:
    parts = [line["event"]]
    if line.get("route"):
        parts = [f"{line.get('method', '')} {line['route']}".strip()]
    if line.get("user"):
        parts.append(f"user {line['user']}")
    if line.get("request_id", request_id) != request_id:
        parts.append(f"request {line['request_id']} received the same outcome")
    elif line.get("origin_request_id"):
        parts.append(f"replay of the outcome of request {line['origin_request_id']}")
    if "exception" in line:
        parts.append(line["exception"].rpartition("\n")[2])
    return ", ".join(parts)
