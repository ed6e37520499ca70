"""Measures sides beside each other: rounds interleaved, and the median round of each figure."""

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from benchmarks import client, load, processes
from benchmarks.client import Client, LoadResult, Requests
from benchmarks.side import BEFORE, Side
from benchmarks.workloads import MAX_REQUESTS, Catalogue, Workload

CHECKED_REQUESTS = 5


class WrongAnswer(Exception):
    """A side answers something else than what it is measured for; the text says what."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One round: milliseconds of CPU time per request by kind of process, and what the client saw."""

    cpu_ms: Mapping[str, float]
    load: LoadResult


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The rounds of one workload on one side under one load."""

    workload: str
    side: str
    connections: int
    rounds: Sequence[Measurement]

    @property
    def failed(self) -> int:
        """How many requests of all rounds had no success."""
        return sum(each.load.failed for each in self.rounds)

    @property
    def cpu_ms(self) -> dict[str, float]:
        """Milliseconds of CPU time per request by kind of process, of the median round."""
        ordered = sorted(self.rounds, key=lambda each: sum(each.cpu_ms.values()))
        return dict(ordered[len(ordered) // 2].cpu_ms)

    @property
    def total_cpu_ms(self) -> float:
        return sum(self.cpu_ms.values())

    def median(self, figure: str) -> float:
        """The median of a figure of the client, as in p99_ms."""
        return statistics.median(float(getattr(each.load, figure)) for each in self.rounds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is measured: so many rounds of so many seconds, under each number of connections."""

    workloads: Sequence[Workload]
    loads: Sequence[int]
    rounds: int
    seconds: int
    warm_up_s: int


class Comparison:
    """Sides that run, measured with one client. The files of requests are in a directory; each has so many at most, and
    they are sent again from the beginning."""

    def __init__(
        self,
        client: Client,
        sides: Sequence[Side],
        catalogue: Catalogue,
        directory: Path,
        max_requests: int = MAX_REQUESTS,
    ) -> None:
        self._client = client
        self._sides = {side.name: side for side in sides}
        self._catalogue = catalogue
        self._directory = directory
        self._max_requests = max_requests

    def steps(self, plan: Plan) -> int:
        """How many rounds a plan has, on all sides."""
        return sum(len(self._asked(each)) for each in plan.workloads) * len(plan.loads) * plan.rounds

    def measure(self, plan: Plan, progress: Callable[[str], object]) -> list[Row]:
        """Carry out a plan. `progress` is called with a text before each round.

        Raises:
            WrongAnswer.
        """
        return [row for workload in plan.workloads for row in self._measure(plan, workload, progress)]

    def _measure(self, plan: Plan, workload: Workload, progress: Callable[[str], object]) -> list[Row]:
        sides = self._asked(workload)
        requests = {side.name: self.requests(workload, side) for side in sides}
        for side in sides:
            check(workload, side, requests[side.name].texts)
            if plan.warm_up_s:
                self._client.send(side.port, requests[side.name], max(plan.loads), plan.warm_up_s)
        rows = []
        for connections in plan.loads:
            rounds: dict[str, list[Measurement]] = {side.name: [] for side in sides}
            for number in range(plan.rounds):
                # Another one is first in each round: what comes first may find the machine in another state.
                first = number % len(sides)
                for side in (*sides[first:], *sides[:first]):
                    progress(f"{workload.title}, {connections} connections, {side.name}")
                    rounds[side.name].append(self.round(side, requests[side.name], connections, plan.seconds))
            rows += [
                Row(workload=workload.key, side=name, connections=connections, rounds=each)
                for name, each in rounds.items()
            ]
        return rows

    def requests(self, workload: Workload, side: Side) -> Requests:
        """Write the requests of a workload to a side: of the same products, in the same order, on every side."""
        chance = random.Random(workload.key)
        texts = list(islice(workload.make(side, self._catalogue, chance), min(workload.count, self._max_requests)))
        return client.write(texts, self._directory / f"{workload.key}-{side.name.replace(' ', '-')}")

    def round(
        self, side: Side, requests: Requests, connections: int, seconds: int, *, count_refused: bool = False
    ) -> Measurement:
        """Measure one round."""
        before = processes.cpu_seconds(side.processes)
        seen = self._client.send(side.port, requests, connections, seconds, count_refused=count_refused)
        after = processes.cpu_seconds(side.processes)
        count = max(seen.requests, 1)
        return Measurement(cpu_ms={kind: 1000 * (after[kind] - before[kind]) / count for kind in after}, load=seen)

    def _asked(self, workload: Workload) -> list[Side]:
        # What the shop answers, the shop of another tree does too.
        return [self._sides[name] for name in (*workload.sides, BEFORE) if name in self._sides]


def check(workload: Workload, side: Side, requests: Sequence[bytes]) -> None:
    """Send some of these requests, and look at the answers.

    Raises:
        WrongAnswer.
    """
    for request in requests[:CHECKED_REQUESTS]:
        status, body = load.ask(side.port, request)
        if not (200 <= status < 300 and _is_answer(workload, body)):
            raise WrongAnswer(f"{side.name} answers {request!r} with {status} and {body!r}")


def _is_answer(workload: Workload, body: bytes) -> bool:
    try:
        document: Any = orjson.loads(body)
        return workload.is_answer(document)
    except (ValueError, KeyError, TypeError):
        return False
