"""How the instances know of each other: each says once a second, on every data node, that it is there.

Messages, and no keys: nothing is written, so nothing waits for a primary, counts as a write, or is left behind; and
while the primary is being replaced the other nodes pass the messages on. docs/adr/0008 has the reasons.
"""

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import orjson
from redis.connection import Connection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TimedOut

from exactly_once.client import Address
from exactly_once.cluster import Cluster
from exactly_once.errors import ServerError
from operations.status.instances import SILENCE, Failover, Instance, InstanceReport, Traffic, together

#: Seconds between two reports, between two looks at who is primary, and that telling a node may take.
INTERVAL, LOOK, TIMEOUT = 1.0, 0.25, 0.3
#: Seconds without any message, one's own included, after which another node is listened to.
DEAF = 3.0
#: Seconds for which an instance that fell silent is remembered.
MEMORY = 600.0
KEPT_FAILOVERS = 5
#: Two instances see the same failover at slightly different instants.
SAME_FAILOVER = 10.0
#: How many seconds of requests are remembered.
HISTORY = 60
_PLAIN = ("name", "process", "at", "failovers", "is_leaving")


@dataclass(kw_only=True, slots=True)
class _Heard:
    report: InstanceReport
    at: float


class Membership:
    """The instances of one shop, of which this process is (part of) one."""

    def __init__(self, name: str, channel: str, cluster: Cluster, measure: Callable[[], Traffic]) -> None:
        self._name = name
        self._process = f"{name}/{os.getpid()}/{time.time_ns()}"
        self._channel = channel
        self._nodes = cluster.nodes
        self._topology = cluster.topology
        self._measure = measure
        self._heard: dict[str, _Heard] = {}
        self._failovers: tuple[Failover, ...] = ()
        self._rates: deque[float] = deque(maxlen=HISTORY)
        self._primary: Address | None = None
        self._without_since: float | None = None
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for target, name in ((self._keep_telling, "telling instances"), (self._keep_hearing, "hearing instances"))
        ]

    def start(self) -> None:
        """Begins to tell the others, and to hear of them."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Says goodbye, and stops."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def known(self) -> Sequence[Instance]:
        """Every instance that was heard of within ten minutes and has not said goodbye, by name."""
        now = time.monotonic()
        heard = sorted(self._recent(now), key=lambda each: each.report.name)
        return [_instance(name, list(each), now) for name, each in groupby(heard, lambda each: each.report.name)]

    def failovers(self) -> Sequence[Failover]:
        """The last ones that any instance has seen, the latest first."""
        return self._failovers

    def rates(self) -> Sequence[float]:
        """Requests a second of all instances together, of up to the last sixty seconds, the latest last."""
        return tuple(self._rates)

    def _recent(self, now: float) -> list[_Heard]:
        return [each for each in self._heard.values() if now - each.at < MEMORY]

    def _keep_telling(self) -> None:
        told_at = -math.inf
        while not self._stop.wait(LOOK):
            self._look_at_primary()
            if time.monotonic() - told_at >= INTERVAL:
                told_at = time.monotonic()
                self._tell(self._report())
                self._rates.append(sum(each.traffic.rate for each in self.known() if each.is_alive))
        self._tell(self._report(is_leaving=True))

    def _look_at_primary(self) -> None:
        primary, now = self._topology.view.primary, time.monotonic()
        if primary is None:
            self._without_since = self._without_since or now
            return
        if self._primary not in (None, primary):
            without = now - self._without_since if self._without_since else 0.0
            seen = Failover(
                at=datetime.now(UTC), primary=str(primary), previous=str(self._primary), seconds_without=without
            )
            self._failovers = _merged([seen, *self._failovers])
        self._primary, self._without_since = primary, None

    def _report(self, *, is_leaving: bool = False) -> InstanceReport:
        return InstanceReport(
            name=self._name,
            process=self._process,
            at=datetime.now(UTC),
            traffic=self._measure(),
            failovers=self._failovers,
            is_leaving=is_leaving,
        )

    def _tell(self, report: InstanceReport) -> None:
        message = _document(report)
        for address in self._everywhere():
            try:
                self._nodes[address].run(("PUBLISH", self._channel, message), timeout=TIMEOUT)
            except (ServerError, RedisError):
                continue

    def _everywhere(self) -> Iterable[Address]:
        view = self._topology.view
        return [address for address in view.known if not self._nodes[address].is_suspect]

    def _keep_hearing(self) -> None:
        for address in self._in_turn():
            wire = self._nodes[address].connection()
            try:
                self._listen(wire)
            except (RedisError, OSError, ValueError):
                self._stop.wait(LOOK)
            finally:
                wire.disconnect()

    def _in_turn(self) -> Iterator[Address]:
        while not self._stop.is_set():
            known = self._topology.view.known
            yield from known
            if not known:
                self._stop.wait(INTERVAL)

    def _listen(self, wire: Connection) -> None:
        wire.connect()
        wire.send_command("SUBSCRIBE", self._channel, check_health=False)
        until = time.monotonic() + DEAF
        while time.monotonic() < until and not self._stop.is_set():
            try:
                said = wire.read_response(timeout=LOOK, disconnect_on_error=False)
            except TimedOut:
                continue
            until = time.monotonic() + DEAF
            if said[0] == "message":
                self._hear(said[2])

    def _hear(self, message: str) -> None:
        try:
            report = _parsed(orjson.loads(message))
        except (ValueError, KeyError, TypeError):
            # Of another version, or from somebody who is no instance.
            return
        now = time.monotonic()
        others = {each.report.process: each for each in self._recent(now) if each.report.process != report.process}
        if report.is_leaving:
            self._heard = others
            return
        self._heard = {**others, report.process: _Heard(report=report, at=now)}
        self._failovers = _merged([*self._failovers, *report.failovers])


def _instance(name: str, heard: Sequence[_Heard], now: float) -> Instance:
    """Processes that fell silent count as long as no other one of the instance lives."""
    last = max(each.at for each in heard)
    alive = [each for each in heard if last - each.at < SILENCE]
    return Instance(name=name, silent_for=now - last, traffic=together(each.report.traffic for each in alive))


def _merged(failovers: Iterable[Failover]) -> tuple[Failover, ...]:
    kept: list[Failover] = []
    for each in sorted(failovers, key=lambda failover: failover.at):
        if not any(_is_same(each, other) for other in kept):
            kept.append(each)
    return tuple(reversed(kept))[:KEPT_FAILOVERS]


def _is_same(one: Failover, other: Failover) -> bool:
    return one.primary == other.primary and abs((one.at - other.at).total_seconds()) < SAME_FAILOVER


def _document(report: InstanceReport) -> bytes:
    traffic = report.traffic
    # JSON knows no infinity, but as text.
    within = {str(bound): count for bound, count in traffic.within.items()}
    said = {"seconds": traffic.seconds, "within": within, "failed": traffic.failed}
    return orjson.dumps({**{name: getattr(report, name) for name in _PLAIN}, "traffic": said})


def _parsed(said: dict[str, Any]) -> InstanceReport:
    return InstanceReport(
        name=str(said["name"]),
        process=str(said["process"]),
        at=datetime.fromisoformat(said["at"]),
        traffic=Traffic(
            seconds=float(said["traffic"]["seconds"]),
            within={float(bound): int(count) for bound, count in said["traffic"]["within"].items()},
            failed=int(said["traffic"]["failed"]),
        ),
        failovers=[_failover(each) for each in said["failovers"]],
        is_leaving=bool(said["is_leaving"]),
    )


def _failover(said: dict[str, Any]) -> Failover:
    return Failover(
        at=datetime.fromisoformat(said["at"]),
        primary=str(said["primary"]),
        previous=str(said["previous"]),
        seconds_without=float(said["seconds_without"]),
    )
