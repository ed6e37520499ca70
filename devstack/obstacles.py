"""Obstacles of a start: the processes that do not do their part, the reason from their logs, and what to do."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from configuration import PROGRAM
from devstack import lifecycle, supervision
from devstack.layout import NGINX, Layout
from devstack.render import kind

#: How much of the end of a log is read.
MAX_BYTES, MAX_LINES = 16384, 30
POLL_S = 0.1
#: Lines that a data node repeats while it has no primary.
_WAITING = re.compile(
    r"Error condition on socket for SYNC|[Cc]onnecting to (?:PRIMARY|MASTER)|PRIMARY <-> |MASTER <-> "
)
_PREFIX = re.compile(r"^\d+:[XCSM] \d\d \w{3} \d{4} [\d:.]+ [.\-*#] ")
_SEVERE = re.compile(r"^\d+:[XCSM] \d\d \w{3} \d{4} [\d:.]+ #|\[(?:emerg|alert|crit|error)\]|\w*(?:Error|Exception)\b")
_MENDS = {
    "No space left on device": "make room on the disk",
    "Permission denied": "give the run directory back to the user that starts the stack",
    "Address already in use": "stop what listens there, or set EVERGREEN_NETWORK or EVERGREEN_PORT",
    "Cannot allocate memory": "give the machine more memory",
}


def find(layout: Layout) -> list[str]:
    """A line for each process that does not do its part; empty where no stack runs."""
    try:
        names = list(supervision.processes(layout))
    except supervision.NotRunning:
        names = []
    if not supervision.answers(layout):
        return [_line(layout, supervision.SUPERVISOR)]
    return [
        _line(layout, name)
        for name in names
        if kind(name) in lifecycle.EVERYTHING and not lifecycle.does_its_part(layout, name)
    ]


@contextmanager
def explained(layout: Layout) -> Iterator[None]:
    """Add to the error of a failed start which processes are missing, and why."""
    try:
        yield
    except lifecycle.DidNotStart as error:
        raise lifecycle.DidNotStart("\n".join([str(error), *find(layout)])) from error


def wait_until_cleared(layout: Layout, timeout_s: float) -> list[str]:
    """Return as soon as there are no obstacles, or what is left of them after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while (lines := find(layout)) and time.monotonic() < end:
        time.sleep(POLL_S)
    return lines


def _line(layout: Layout, name: str) -> str:
    reason = last_reason(layout.log(f"{name}-errors" if name == NGINX else name))
    mend = next((mend for sign, mend in _MENDS.items() if sign in reason), "")
    rest = f"`{PROGRAM} stack logs {name}` has more"
    return f"{name}: {reason.rstrip('.')}. {mend.capitalize() + '; ' if mend else ''}{rest}."


def last_reason(log: Path) -> str:
    """The last sentence in this log that is about a fault, or the last one at all."""
    lines = _last_lines(log)
    severe = next((line for line in reversed(lines) if _is_severe(line)), None)
    return _sentence(severe or (lines[-1] if lines else "its log says nothing"))


def _last_lines(log: Path) -> Sequence[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - MAX_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return [line.strip() for line in lines if line.strip() and not _WAITING.search(line)][-MAX_LINES:]


def _is_severe(line: str) -> bool:
    record = _record(line)
    return record.get("level") in {"warning", "error", "critical"} if record else bool(_SEVERE.search(line))


def _sentence(line: str) -> str:
    record = _record(line)
    return " ".join(_words(record)) if record else _PREFIX.sub("", line)


def _words(record: dict[str, object]) -> Iterator[str]:
    yield str(record.get("event", ""))
    if record.get("exception"):
        yield str(record["exception"]).rpartition("\n")[2]


def _record(line: str) -> dict[str, object]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
