"""One request's way through the topology, put together from what each process has written about it.

A line is written when something is over and says how long it took, so beginnings are reckoned back from it.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from devstack.layout import INSTANCES, NGINX, Layout

ID = re.compile(r"[0-9a-f]{32}")
#: nginx separates the instances that it tried by commas, and by a colon where it went another way in between.
_BETWEEN_TRIES = re.compile(r", | : ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Something that happened at `at`, in `process`. `status` is an HTTP status, `seconds` how long it took; either is
    None where it has none."""

    at: datetime
    process: str
    what: str
    status: int | None = None
    seconds: float | None = None


def steps(layout: Layout, request_id: str) -> Sequence[Step]:
    """Everything that the logs of this stack, rotated ones included, say of the request, in its order; nothing where
    they say nothing."""
    found = [
        step
        for process, line in _lines(layout, request_id)
        for step in (_nginx_steps(layout, line) if process == NGINX else [_step(process, line, request_id)])
    ]
    return sorted(found, key=lambda step: step.at)


def _lines(layout: Layout, request_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(layout.logs.glob("*.log*")):
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


def _nginx_steps(layout: Layout, line: dict[str, Any]) -> Iterator[Step]:
    end, seconds = datetime.fromisoformat(line["time"]), line["request_time"]
    begin = end - timedelta(seconds=seconds)
    yield Step(at=begin, process=NGINX, what=f"received {line['method']} {line['uri']}")
    yield from _tries(layout, line, begin)
    yield Step(at=end, process=NGINX, what=_answered(line), status=line["status"], seconds=seconds)


def _tries(layout: Layout, line: dict[str, Any], begin: datetime) -> Iterator[Step]:
    names = {f"unix:{layout.socket(name)}": name for name in INSTANCES}
    if not line["upstream"]:
        return
    columns = (_BETWEEN_TRIES.split(line[name]) for name in ("upstream", "upstream_status", "upstream_time"))
    for number, (address, status, seconds) in enumerate(zip(*columns, strict=True)):
        verb = "sent again to" if number else "sent to"
        took = _number(seconds)
        what = f"{verb} {names.get(address, address)}"
        yield Step(at=begin, process=NGINX, what=what, status=int(_number(status)) or None, seconds=took)
        begin += timedelta(seconds=took)


def _answered(line: dict[str, Any]) -> str:
    repeats = line["repeats"]
    times = "" if not repeats else " after 1 repeat" if repeats == 1 else f" after {repeats} repeats"
    return f"answered{times}"


def _number(text: str) -> float:
    """What nginx writes of a try; a dash where there is nothing to say."""
    return 0.0 if text == "-" else float(text)


def _step(process: str, line: dict[str, Any], request_id: str) -> Step:
    seconds = line.get("request_time")
    end = datetime.fromisoformat(line["time"])
    return Step(
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
        parts.append(f"request {line['request_id']} was told the same again")
    elif line.get("origin_request_id"):
        parts.append(f"told again what request {line['origin_request_id']} came to")
    if "exception" in line:
        parts.append(line["exception"].rpartition("\n")[2])
    return ", ".join(parts)
