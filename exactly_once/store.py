"""A store: the records of one application on a cluster, read and written by the engine's rules."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from exactly_once.admissions import settle
from exactly_once.bulkhead import Bulkhead
from exactly_once.client import Command
from exactly_once.cluster import Cluster
from exactly_once.declarations import Value, WriteCall, WriteDeclaration
from exactly_once.delivery import DEFAULT_WAIT_MS, Delivery
from exactly_once.durability import Durability
from exactly_once.errors import StoreUnavailable
from exactly_once.namespace import Namespace
from exactly_once.rate_limits import RateLimit
from exactly_once.reads import DEFAULT_READ_TIMEOUT_S, Consistency, Reader
from exactly_once.requests import WriteRequest, WriteResult
from exactly_once.revision import Revision, RevisionWatermark, parse_reply, revision_query
from exactly_once.schema import Schema, SchemaGate
from exactly_once.scripts import Scripts
from exactly_once.writes import Writer

T = TypeVar("T")

DEFAULT_MAX_WAITING_WRITES = 400


class Store:
    """Reads and writes of one namespace. Safe to share between threads; several stores can share one cluster.

    With a `schema`, every method raises a SchemaFault, which is a StoreUnavailable, while the store has another one."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: Namespace,
        scripts: Scripts,
        *,
        durability: Durability = Durability.REPLICATED,
        max_waiting_writes: int = DEFAULT_MAX_WAITING_WRITES,
        wait_ms: int = DEFAULT_WAIT_MS,
        read_timeout_s: float = DEFAULT_READ_TIMEOUT_S,
        schema: Schema | None = None,
    ) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.scripts = scripts
        watermark = RevisionWatermark(namespace.revision)
        cluster.topology.track(watermark)
        self._reader = Reader(cluster, scripts, watermark, read_timeout_s)
        self._gate = SchemaGate(self._reader, namespace, schema)
        self._writer = Writer(
            reader=self._reader,
            scripts=scripts,
            namespace=namespace,
            watermark=watermark,
            bulkhead=Bulkhead(max_waiting_writes, observer=cluster.observer),
            gate=self._gate,
            delivery=Delivery(
                cluster=cluster, scripts=scripts, durability=durability, gate=self._gate, wait_ms=wait_ms
            ),
        )

    def read(self, command: Command, consistency: Consistency = Consistency.LINEARIZABLE) -> Any:
        """The reply to a command that only reads.

        Raises:
            StoreUnavailable: no node answers.
        """
        self._gate.require()
        return self._reader.read(command, consistency)

    def read_script(
        self,
        name: str,
        *,
        keys: dict[str, str],
        args: dict[str, Value],
        consistency: Consistency = Consistency.LINEARIZABLE,
    ) -> Any:
        """The reply of a script that only reads.

        Raises:
            StoreUnavailable: no node answers.
        """
        self._gate.require()
        return self._reader.read_script(name, keys, args, consistency)

    def read_limited(
        self, name: str, *, keys: dict[str, str], args: dict[str, Value], limit: RateLimit
    ) -> Sequence[Any]:
        """The reply of a script that reads, and counts the call against `limit`; whose it is, the script appends to the
        limit's key. The first value of its reply is the state of the limit, which is not returned. A linearizable read.

        Raises:
            RateLimited: the limit refuses the call.
            StoreUnavailable: no node answers.
        """
        self._gate.require()
        rate: dict[str, Value] = {
            "rate_prefix": self.namespace.rate(limit.key),
            "rate_interval_us": limit.interval_us,
            "rate_burst": limit.burst,
        }
        charges = limit.interval_us > 0
        state, *values = self._reader.read_script(
            name, keys, {**args, **rate}, Consistency.LINEARIZABLE, charges=charges
        )
        settle([limit], [state])
        return tuple(values)

    def admit(self, limits: Sequence[RateLimit], idempotency_key: str = "") -> None:
        """Count a call against all of these limits; against none where one of them refuses it, or where a request under
        this key has a recorded outcome.

        Raises:
            RateLimited: one of the limits refuses the call.
            StoreUnavailable: no node answers.
        """
        counted = [limit for limit in limits if limit.interval_us]
        if not counted:
            return
        self._gate.require()
        listed = [[self.namespace.rate(limit.key), limit.interval_us, limit.burst] for limit in counted]
        keys = {"request": self.namespace.request(idempotency_key)}
        args: dict[str, Value] = {"limits": json.dumps(listed)}
        settle(counted, self._reader.read_script("rate_admit", keys, args, Consistency.LINEARIZABLE, charges=True))

    def write(self, call: WriteCall[T]) -> WriteResult[T]:
        """The result of a write; see `Writer.write`."""
        self._gate.require()
        return self._writer.write(call)

    def write_all(self, calls: Sequence[WriteCall[T]]) -> Sequence[WriteResult[T] | Exception]:
        """The results of many writes of one declaration in one round trip; see `Writer.write_all`."""
        self._gate.require()
        return self._writer.write_all(calls)

    def write_optimistic(
        self, declaration: WriteDeclaration[T], request: WriteRequest, prepare: Callable[[], WriteCall[T]]
    ) -> WriteResult[T]:
        """The result of a write that is made from the present state; see `Writer.write_optimistic`."""
        self._gate.require()
        return self._writer.write_optimistic(declaration, request, prepare)

    def confirm_writable(self, timeout_s: float) -> None:
        """Return when a write that changes nothing but the revision is acknowledged.

        Raises:
            StoreUnavailable: it was refused for `timeout_s` seconds.
            OutcomeUnknown: it was not acknowledged in that time.
        """
        self._gate.require()
        self._writer.confirm_writable(timeout_s)

    def revision(self) -> Revision:
        """The revision of the primary: every write acknowledged before has an earlier or the same one.

        Raises:
            StoreUnavailable: no node answers.
        """
        return parse_reply(self.read(revision_query(self.namespace.revision)))

    def read_fault(self) -> StoreUnavailable | None:
        """Why nothing can be read now; None where a data node answers, and the store has the right schema."""
        try:
            # Not PING: a node that cannot write to its disk answers that with an error, and serves reads.
            self.read(("EXISTS", self.namespace.revision))
        except StoreUnavailable as error:
            return error
        return None
