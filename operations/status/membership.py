"""Membership: which instances there are, by the heartbeats that each publishes once a second on every data node.

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

from redis.connection import Connection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TimedOut

from exactly_once.client import Address
from exactly_once.cluster import Cluster
from exactly_once.errors import ServerError
from operations.status.heartbeats import Heartbeat, decode, encode, merge_failovers
from operations.status.instances import MAX_SILENCE_S, Instance, ObservedFailover, Role, Traffic, combine

#: Between two heartbeats; between two looks at which node is primary; and that publishing to one node may take.
INTERVAL_S, POLL_S, PUBLISH_TIMEOUT_S = 1.0, 0.25, 0.3
#: Without any message, the process's own included, after which another node is subscribed to.
MAX_QUIET_S = 3.0
#: For which an instance that fell silent is remembered.
MEMORY_S = 600.0
#: How many seconds of request rates are remembered.
MAX_RATES = 60


@dataclass(kw_only=True, slots=True)
class _Received:
    heartbeat: Heartbeat
    at: float


class Membership:
    """The instances of one shop, of which this process is (part of) one."""

    def __init__(
        self, name: str, channel: str, cluster: Cluster, measure: Callable[[], Traffic], role: Role = Role.API
    ) -> None:
        self._name = name
        self._role = role
        self._process = f"{name}/{os.getpid()}/{time.time_ns()}"
        self._channel = channel
        self._nodes = cluster.nodes
        self._topology = cluster.topology
        self._measure = measure
        self._received: dict[str, _Received] = {}
        self._failovers: tuple[ObservedFailover, ...] = ()
        self._rates: deque[float] = deque(maxlen=MAX_RATES)
        self._primary: Address | None = None
        self._without_since: float | None = None
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for target, name in ((self._publish_repeatedly, "heartbeats out"), (self._receive, "heartbeats in"))
        ]

    def start(self) -> None:
        """Begin to publish heartbeats, and to receive them."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Publish the last heartbeat, and stop."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def known(self) -> Sequence[Instance]:
        """Every instance with a heartbeat within ten minutes that has not left, by name."""
        now = time.monotonic()
        received = sorted(self._recent(now), key=lambda each: each.heartbeat.name)
        return [_instance(name, list(each), now) for name, each in groupby(received, lambda each: each.heartbeat.name)]

    def failovers(self) -> Sequence[ObservedFailover]:
        """The last ones that any instance has observed, the latest first."""
        return self._failovers

    def rates(self) -> Sequence[float]:
        """Requests a second of all instances together, of up to the last sixty seconds, the latest last."""
        return tuple(self._rates)

    def _recent(self, now: float) -> list[_Received]:
        return [each for each in self._received.values() if now - each.at < MEMORY_S]

    def _publish_repeatedly(self) -> None:
        published_at = -math.inf
        while not self._stop.wait(POLL_S):
            self._observe_primary()
            if time.monotonic() - published_at >= INTERVAL_S:
                published_at = time.monotonic()
                self._publish(self._heartbeat())
                self._rates.append(sum(each.traffic.rate for each in self.known() if each.is_alive))
        self._publish(self._heartbeat(is_leaving=True))

    def _observe_primary(self) -> None:
        primary, now = self._topology.view.primary, time.monotonic()
        if primary is None:
            self._without_since = self._without_since or now
            return
        if self._primary not in (None, primary):
            seconds = now - self._without_since if self._without_since else 0.0
            failover = ObservedFailover(
                at=datetime.now(UTC), primary=str(primary), previous=str(self._primary), seconds_without=seconds
            )
            self._failovers = merge_failovers([failover, *self._failovers])
        self._primary, self._without_since = primary, None

    def _heartbeat(self, *, is_leaving: bool = False) -> Heartbeat:
        return Heartbeat(
            name=self._name,
            process=self._process,
            at=datetime.now(UTC),
            traffic=self._measure(),
            failovers=self._failovers,
            is_leaving=is_leaving,
            role=self._role,
        )

    def _publish(self, heartbeat: Heartbeat) -> None:
        message = encode(heartbeat)
        for address in self._reachable_nodes():
            try:
                self._nodes[address].run(("PUBLISH", self._channel, message), timeout=PUBLISH_TIMEOUT_S)
            except (ServerError, RedisError):
                continue

    def _reachable_nodes(self) -> Iterable[Address]:
        return [address for address in self._topology.view.known if not self._nodes[address].is_suspect]

    def _receive(self) -> None:
        for address in self._nodes_in_rotation():
            connection = self._nodes[address].connection()
            try:
                self._subscribe(connection)
            except (RedisError, OSError, ValueError):
                self._stop.wait(POLL_S)
            finally:
                connection.disconnect()

    def _nodes_in_rotation(self) -> Iterator[Address]:
        while not self._stop.is_set():
            known = self._topology.view.known
            yield from known
            if not known:
                self._stop.wait(INTERVAL_S)

    def _subscribe(self, connection: Connection) -> None:
        """Return when no message has come for long, or at the end."""
        connection.connect()
        connection.send_command("SUBSCRIBE", self._channel, check_health=False)
        until = time.monotonic() + MAX_QUIET_S
        while time.monotonic() < until and not self._stop.is_set():
            try:
                message = connection.read_response(timeout=POLL_S, disconnect_on_error=False)
            except TimedOut:
                continue
            until = time.monotonic() + MAX_QUIET_S
            if message[0] == "message":
                self._record(message[2])

    def _record(self, message: str) -> None:
        try:
            heartbeat = decode(message)
        except (ValueError, KeyError, TypeError):
            # Of another version, or from a client that is no instance.
            return
        now = time.monotonic()
        process = heartbeat.process
        others = {each.heartbeat.process: each for each in self._recent(now) if each.heartbeat.process != process}
        if heartbeat.is_leaving:
            self._received = others
            return
        self._received = {**others, process: _Received(heartbeat=heartbeat, at=now)}
        self._failovers = merge_failovers([*self._failovers, *heartbeat.failovers])


def _instance(name: str, received: Sequence[_Received], now: float) -> Instance:
    """Processes that fell silent count as long as no other one of the instance lives."""
    last = max(each.at for each in received)
    alive = [each for each in received if last - each.at < MAX_SILENCE_S]
    return Instance(
        name=name,
        silent_for=now - last,
        traffic=combine(each.heartbeat.traffic for each in alive),
        role=received[0].heartbeat.role,
    )
