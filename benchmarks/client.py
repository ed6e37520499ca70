"""The client: wrk where it is installed, and otherwise threads of Python, which need more of the CPU."""

import json
import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks import load

SCRIPT = Path(__file__).with_name("wrk.lua")
RESULT = re.compile(r"^RESULT (\{.*\})$", re.MULTILINE)
TIMEOUT_S, MAX_START_S = 20, 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Requests:
    """Requests as they go over the wire, and the file that has them, separated by NUL."""

    texts: Sequence[bytes]
    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadResult:
    """What a load got. `refused` are answers 503 and 429, counted where that is asked for; `errors` are all answers of
    no success, and `lost` is what had no answer."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    refused: int
    errors: int
    lost: int

    @property
    def failed(self) -> int:
        return self.errors + self.lost

    @property
    def answered(self) -> int:
        """How many got a success."""
        return self.requests - self.errors

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


class Client(Protocol):
    """Sends requests over connections that stay open, the next one on each when the answer is there."""

    name: str

    def send(
        self, port: int, requests: Requests, connections: int, seconds: int, *, count_refused: bool = False
    ) -> LoadResult:
        """Send requests to a port of this machine for so many seconds."""
        ...


class WrkClient:
    """wrk, with one thread."""

    def __init__(self, program: str) -> None:
        self._program = program
        self.name = f"wrk ({_version(program)}), one thread"

    def send(
        self, port: int, requests: Requests, connections: int, seconds: int, *, count_refused: bool = False
    ) -> LoadResult:
        load_words = ["-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", f"{TIMEOUT_S}s"]
        first, counts = str(random.randrange(len(requests.texts))), "count" if count_refused else "-"
        words = [self._program, *load_words, "-s", str(SCRIPT), f"http://127.0.0.1:{port}", "--"]
        done = subprocess.run(
            [*words, str(requests.path), first, counts],
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds + TIMEOUT_S + MAX_START_S,
        )
        return parse(done.stdout)


class PythonClient:
    """Threads of this process."""

    name = "Python threads, which share the CPU with the servers more than wrk does"

    def send(
        self, port: int, requests: Requests, connections: int, seconds: int, *, count_refused: bool = False
    ) -> LoadResult:
        answers = load.send(port, requests.texts, connections, seconds)
        ordered = sorted(answer.seconds for answer in answers if answer.status)
        statuses = [answer.status for answer in answers]
        return LoadResult(
            requests=len(ordered),
            seconds=seconds,
            p50_ms=quantile_ms(ordered, 0.5),
            p99_ms=quantile_ms(ordered, 0.99),
            p999_ms=quantile_ms(ordered, 0.999),
            refused=sum(status in (429, 503) for status in statuses),
            errors=sum(status > 299 for status in statuses),
            lost=statuses.count(0),
        )


def find(name: str = "") -> Client:
    """The client of this name, wrk or python; wrk where none is named and it is installed.

    Raises:
        SystemExit: it is not installed.
    """
    program = shutil.which("wrk")
    if name == "wrk" and program is None:
        raise SystemExit("wrk is not installed: sudo apt install wrk, or --client python.")
    return PythonClient() if name == "python" or program is None else WrkClient(program)


def write(texts: Sequence[bytes], path: Path) -> Requests:
    """Write these requests into a file."""
    path.write_bytes(b"\0".join(texts))
    return Requests(texts=texts, path=path)


def parse(output: str) -> LoadResult:
    """The result in the output of wrk.

    Raises:
        ValueError: there is none.
    """
    match = RESULT.search(output)
    if not match:
        raise ValueError(f"wrk has printed no result: {output}")
    return LoadResult(**json.loads(match[1]))


def quantile_ms(ordered: Sequence[float], share: float) -> float:
    """The quantile of ordered seconds, in milliseconds; 0 of none."""
    return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def _version(program: str) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"wrk\s+(\S+)", done.stdout + done.stderr)
    return match[1] if match else "unknown version"
