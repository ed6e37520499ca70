"""Deliveries in Redis: a queue for each endpoint, and the time at which each queue is due."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from exactly_once import Consistency, Reply, Store, WriteDeclaration, WriteRequest, WriteResult, fails, returns
from shop.domain.errors import NotFound
from shop.domain.events import Event, EventType
from shop.domain.pages import Page, Position
from shop.domain.webhooks import (
    MAIL,
    MAX_ENDPOINTS,
    MAX_LISTED,
    MAX_PENDING,
    RETRY_WINDOW,
    Attempt,
    Batch,
    ClaimLost,
    Delivery,
    DeliveryRepository,
    DeliveryStatus,
    Outlook,
    Plan,
    QueueState,
)
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window

#: Deliveries that one plan makes at most: the store does nothing else in the meantime.
MAX_PLANNED = 200
_WINDOW_MS = RETRY_WINDOW // timedelta(milliseconds=1)


def _optional_instant(text: str | None) -> datetime | None:
    return records.instant(text) if text else None


def _event(fields: Mapping[str, str]) -> Event:
    return Event(
        id=fields["event"],
        type=EventType(fields["type"]),
        at=records.instant(fields["event"].partition("-")[0]),
        object=fields["object"],
        data=orjson.loads(fields["data"]),
        request_id=fields["request"],
    )


def _delivery(fields: Mapping[str, str]) -> Delivery:
    return Delivery(
        endpoint=fields["endpoint"],
        event=_event(fields),
        status=DeliveryStatus(fields["status"]),
        attempts=int(fields["attempts"]),
        created_at=records.instant(fields["created_at"]),
        give_up_at=records.instant(fields["give_up_at"]),
        attempted_at=_optional_instant(fields.get("attempted_at")),
        response_status=int(fields["response_status"]) if fields.get("response_status") else None,
        error=fields.get("error", ""),
        duration_ms=int(fields["duration_ms"]) if fields.get("duration_ms") else None,
    )


def _batch(reply: Reply) -> Batch:
    queue, endpoint, *deliveries = reply.values
    fields = records.pairs(orjson.loads(endpoint))
    return Batch(
        claim=reply.origin_request_id,
        queue=queue,
        endpoint=None if queue == MAIL else records.ENDPOINT.read(fields),
        failures=int(fields.get("failures", 0)),
        deliveries=[_delivery(records.pairs(orjson.loads(flat))) for flat in deliveries],
    )


PLAN = WriteDeclaration(
    script="delivery_plan",
    keys=("endpoints", "deliveries_due"),
    args=(
        "consumer",
        "max_planned",
        "max_endpoints",
        "max_pending",
        "max_listed",
        "mail_types",
        "retry_window_ms",
        "endpoint_prefix",
        "delivery_prefix",
    ),
    replies={"PLANNED": returns(lambda reply: Plan(events=int(reply.values[0]), dropped=int(reply.values[1])))},
)
CLAIM: WriteDeclaration[Batch | None] = WriteDeclaration(
    script="delivery_claim",
    keys=("deliveries_due",),
    args=("max_deliveries", "lease_ms", "endpoint_prefix", "delivery_prefix"),
    replies={"CLAIMED": returns(_batch), "IDLE": fails(lambda reply: _Idle())},
)
RECORD = WriteDeclaration(
    script="delivery_record",
    keys=("deliveries_due", "deliveries_dead"),
    args=("endpoint", "claim", "attempts", "pause_ms", "endpoint_prefix", "delivery_prefix"),
    replies={
        "RECORDED": returns(lambda reply: int(reply.values[0])),
        "CLAIM_LOST": fails(lambda reply: ClaimLost("Another worker has the deliveries.")),
    },
)
REDELIVER = WriteDeclaration(
    script="delivery_redeliver",
    kind="delivery",
    keys=("endpoint_key", "delivery", "deliveries_due", "deliveries_dead"),
    args=("endpoint", "event", "retry_window_ms", "endpoint_prefix"),
    replies={
        "REDELIVERED": returns(lambda reply: _delivery(records.pairs(reply.values))),
        "NOT_FOUND": fails(lambda reply: NotFound("delivery", reply.about)),
    },
)


class RedisDeliveryRepository(DeliveryRepository):
    """Stores each delivery in a hash, with what its event says."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def plan(self, request: WriteRequest, consumer: str, mail_types: Sequence[EventType]) -> WriteResult[Plan]:
        args: dict[str, str | int | float] = {
            "consumer": consumer,
            "max_planned": MAX_PLANNED,
            "max_endpoints": MAX_ENDPOINTS,
            "max_pending": MAX_PENDING,
            "max_listed": MAX_LISTED,
            "mail_types": " ".join(mail_types),
            "retry_window_ms": _WINDOW_MS,
            **self._prefixes(),
        }
        keys = {"endpoints": self._keys.endpoints, "deliveries_due": self._keys.deliveries_due}
        return self._store.write(PLAN.call(request, keys=keys, args=args))

    def claim(self, request: WriteRequest, max_deliveries: int, lease: timedelta) -> WriteResult[Batch | None]:
        args: dict[str, str | int | float] = {
            "max_deliveries": max_deliveries,
            "lease_ms": lease // timedelta(milliseconds=1),
            **self._prefixes(),
        }
        try:
            return self._store.write(CLAIM.call(request, keys={"deliveries_due": self._keys.deliveries_due}, args=args))
        except _Idle:
            return WriteResult(value=None, origin_request_id=request.id)

    def record(
        self, request: WriteRequest, batch: Batch, attempts: Sequence[Attempt], pause: timedelta
    ) -> WriteResult[int]:
        args: dict[str, str | int | float] = {
            "endpoint": batch.queue,
            "claim": batch.claim,
            "attempts": orjson.dumps([_attempt(attempt) for attempt in attempts]).decode(),
            "pause_ms": pause // timedelta(milliseconds=1),
            **self._prefixes(),
        }
        return self._store.write(RECORD.call(request, keys=self._queues(), args=args))

    def get(self, id: str) -> Delivery:
        flat = self._store.read(("HGETALL", self._keys.delivery(id)))
        if not flat:
            raise NotFound("delivery", id)
        return _delivery(records.pairs(flat))

    def page(self, endpoint: str, size: int, position: Position | None) -> Page[Delivery]:
        window = Window(size=size, position=position, descending=True)
        args = {**window.args(), "endpoint": endpoint, "delivery_prefix": self._keys.delivery_prefix}
        listed = self._store.read_script(
            "delivery_page", keys={"list": self._keys.endpoint_deliveries(endpoint)}, args=args
        )
        # One more than a page was asked for; records that have expired leave the page shorter.
        found = [(event, _delivery(records.pairs(flat))) for event, flat in listed if flat]
        is_cut = len(listed) > size
        return window.page(found[:size], is_cut=is_cut) if len(found) < len(listed) else window.page(found)

    def redeliver(self, request: WriteRequest, id: str) -> WriteResult[Delivery]:
        endpoint, _, event = id.partition(":")
        keys = {
            "endpoint_key": self._keys.endpoint(endpoint),
            "delivery": self._keys.delivery(id),
            **self._queues(),
        }
        args: dict[str, str | int | float] = {
            "endpoint": endpoint,
            "event": event,
            "retry_window_ms": _WINDOW_MS,
            "endpoint_prefix": self._keys.endpoint_prefix,
        }
        return self._store.write(REDELIVER.call(request, keys=keys, args=args, about=id))

    def outlook(self) -> Outlook:
        keys = {"stream": self._keys.events, "endpoints": self._keys.endpoints, **self._queues()}
        now, undispatched, oldest, due, due_since, dead, states = self._store.read_script(
            "delivery_outlook",
            keys=keys,
            args={"max_endpoints": MAX_ENDPOINTS, "endpoint_prefix": self._keys.endpoint_prefix},
            consistency=Consistency.CAUSAL,
        )
        return Outlook(
            at=records.instant(now),
            undispatched=undispatched,
            oldest_at=_optional_instant(oldest.partition("-")[0]),
            due=due,
            due_since=_optional_instant(due_since),
            dead=dead,
            queues=[_queue_state(state) for state in states],
        )

    def _queues(self) -> dict[str, str]:
        return {"deliveries_due": self._keys.deliveries_due, "deliveries_dead": self._keys.deliveries_dead}

    def _prefixes(self) -> dict[str, str]:
        return {"endpoint_prefix": self._keys.endpoint_prefix, "delivery_prefix": self._keys.delivery_prefix}


class _Idle(Exception):
    """No delivery is due."""


def _queue_state(state: Sequence[Any]) -> QueueState:
    queue, pending, failing_since, is_enabled = state
    return QueueState(
        queue=queue,
        pending=pending,
        failing_since=_optional_instant(failing_since),
        is_enabled=is_enabled != "0",
    )


def _attempt(attempt: Attempt) -> dict[str, str | int]:
    return {
        "event": attempt.event,
        "error": attempt.error,
        "response_status": "" if attempt.response_status is None else attempt.response_status,
        "duration_ms": attempt.duration_ms,
        "retry_ms": attempt.retry_after // timedelta(milliseconds=1),
    }
