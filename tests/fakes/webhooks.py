"""Webhook endpoints and deliveries in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.audit import differences
from shop.domain.errors import NotFound, TooManyEndpoints
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
    Endpoint,
    EndpointRepository,
    Outlook,
    Plan,
    QueueState,
)
from tests.fakes.paging import SortKey, page_of
from tests.fakes.store import FakeStore

MAX_PLANNED_EVENTS = 20


@dataclass
class FakeQueue:
    """The deliveries of an endpoint with the time at which each is due, and what stops the queue as a whole."""

    deliveries: dict[str, Delivery] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)
    claim: str = ""
    not_before: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    failures: int = 0
    failing_since: datetime | None = None


@dataclass
class FakeWebhookTables:
    """What both repositories have."""

    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    queues: dict[str, FakeQueue] = field(default_factory=dict)
    taken: int = 0

    def queue(self, id: str) -> FakeQueue:
        return self.queues.setdefault(id, FakeQueue())

    def endpoint(self, id: str) -> Endpoint:
        if id not in self.endpoints:
            raise NotFound("webhook endpoint", id)
        return replace(self.endpoints[id], failing_since=self.queue(id).failing_since)


def _now() -> datetime:
    return datetime.now(UTC)


class FakeEndpoints(EndpointRepository):
    def __init__(self, store: FakeStore, tables: FakeWebhookTables) -> None:
        self._store = store
        self._tables = tables

    def get(self, id: str) -> Endpoint:
        with self._store.reading():
            return self._tables.endpoint(id)

    def page(self, size: int, position: Position | None) -> Page[Endpoint]:
        with self._store.reading():
            endpoints = [self._tables.endpoint(id) for id in self._tables.endpoints]
            return page_of(endpoints, lambda each: (each.id,), descending=True, size=size, position=position)

    def create(self, request: WriteRequest, endpoint: Endpoint) -> WriteResult[Endpoint]:
        def effect() -> Endpoint:
            if len(self._tables.endpoints) >= MAX_ENDPOINTS:
                raise TooManyEndpoints
            self._tables.endpoints[endpoint.id] = endpoint
            self._store.emit(EventType.WEBHOOK_ENDPOINT_CREATED, endpoint.id, {})
            named = {"url": endpoint.url, "description": endpoint.description, "types": " ".join(endpoint.types)}
            changes = differences({}, {**named, "is_enabled": endpoint.is_enabled})
            self._store.note(f"webhook_endpoint:{endpoint.id}", *changes)
            return endpoint

        return self._store.once(request, effect)

    def update(self, request: WriteRequest, id: str, changes: Mapping[str, Any], at: datetime) -> WriteResult[Endpoint]:
        def effect() -> Endpoint:
            self._tables.endpoints[id] = replace(self._tables.endpoint(id), **changes, updated_at=at)
            self._store.emit(EventType.WEBHOOK_ENDPOINT_UPDATED, id, {})
            texts = {name: " ".join(value) if isinstance(value, tuple) else value for name, value in changes.items()}
            self._store.note(f"webhook_endpoint:{id}", *((name, None, value) for name, value in texts.items()))
            return self._tables.endpoint(id)

        return self._store.once(request, effect)

    def rotate(
        self, request: WriteRequest, id: str, nonce: str, former_expires_at: datetime, at: datetime
    ) -> WriteResult[Endpoint]:
        def effect() -> Endpoint:
            present = self._tables.endpoint(id)
            self._tables.endpoints[id] = replace(
                present,
                nonce=nonce,
                former_nonce=present.nonce,
                former_expires_at=former_expires_at,
                updated_at=at,
            )
            self._store.emit(EventType.WEBHOOK_ENDPOINT_SECRET_ROTATED, id, {})
            self._store.note(f"webhook_endpoint:{id}")
            return self._tables.endpoint(id)

        return self._store.once(request, effect)

    def test(self, request: WriteRequest, id: str) -> WriteResult[None]:
        def effect() -> None:
            self._tables.endpoint(id)
            self._store.emit(EventType.WEBHOOK_TEST, id, {})
            self._store.note(f"webhook_endpoint:{id}")

        return self._store.once(request, effect)

    def delete(self, request: WriteRequest, id: str) -> WriteResult[None]:
        def effect() -> None:
            self._tables.endpoint(id)
            del self._tables.endpoints[id]
            self._tables.queues.pop(id, None)
            self._store.emit(EventType.WEBHOOK_ENDPOINT_DELETED, id, {})
            self._store.note(f"webhook_endpoint:{id}")

        return self._store.once(request, effect)


class FakeDeliveries(DeliveryRepository):
    def __init__(self, store: FakeStore, tables: FakeWebhookTables) -> None:
        self._store = store
        self._tables = tables

    def plan(self, request: WriteRequest, consumer: str, mail_types: Sequence[EventType]) -> WriteResult[Plan]:
        def effect() -> Plan:
            begin = self._tables.taken
            events = self._store.events[begin : begin + MAX_PLANNED_EVENTS]
            self._tables.taken += len(events)
            dropped = sum(self._plan(event, mail_types) for event in events)
            return Plan(events=len(events), dropped=dropped)

        return self._store.once(request, effect)

    def _plan(self, event: Event, mail_types: Sequence[EventType]) -> int:
        """Plan the deliveries of an event, and return how many were not stored."""
        queues = [endpoint.id for endpoint in self._tables.endpoints.values() if _gets(endpoint, event)]
        queues += [MAIL] if event.type in mail_types else []
        stored = [queue for queue in queues if len(self._tables.queue(queue).due) < MAX_PENDING]
        for queue in stored:
            made = Delivery(
                endpoint=queue,
                event=event,
                status=DeliveryStatus.PENDING,
                attempts=0,
                created_at=_now(),
                give_up_at=_now() + RETRY_WINDOW,
                attempted_at=None,
                response_status=None,
                error="",
                duration_ms=None,
            )
            self._tables.queue(queue).deliveries[event.id] = made
            self._tables.queue(queue).due[event.id] = _now()
            self._tables.queue(queue).listed = [*self._tables.queue(queue).listed, event.id][-MAX_LISTED:]
        return len(queues) - len(stored)

    def claim(self, request: WriteRequest, max_deliveries: int, lease: timedelta) -> WriteResult[Batch | None]:
        def effect() -> Batch | None:
            due = self._due()
            if not due:
                return None
            queue_id = min(due, key=lambda id: due[id])
            queue = self._tables.queues[queue_id]
            events = sorted((event for event, at in queue.due.items() if at <= _now()), key=lambda id: queue.due[id])
            if queue.failing_since:
                events = [min(reversed(events), key=lambda id: queue.deliveries[id].attempts)]
            queue.claim, queue.not_before = request.id, _now() + lease
            return Batch(
                claim=request.id,
                queue=queue_id,
                endpoint=None if queue_id == MAIL else self._tables.endpoint(queue_id),
                failures=queue.failures,
                deliveries=[queue.deliveries[id] for id in events[:max_deliveries]],
            )

        return self._store.once(request, effect)

    def _due(self) -> dict[str, datetime]:
        found = {}
        for id, queue in self._tables.queues.items():
            is_enabled = id == MAIL or self._tables.endpoints[id].is_enabled
            at = max(min(queue.due.values()), queue.not_before) if queue.due else None
            if is_enabled and at is not None and at <= _now():
                found[id] = at
        return found

    def record(
        self, request: WriteRequest, batch: Batch, attempts: Sequence[Attempt], pause: timedelta
    ) -> WriteResult[int]:
        def effect() -> int:
            queue = self._tables.queues.get(batch.queue)
            if queue is None or queue.claim != batch.claim:
                raise ClaimLost
            dead = sum(_recorded(queue, attempt) for attempt in attempts)
            queue.claim = ""
            if pause:
                queue.failures += 1
                queue.failing_since = queue.failing_since or _now()
                queue.not_before = _now() + pause
            else:
                queue.not_before = _now()
            if attempts and not pause:
                queue.failures, queue.failing_since = 0, None
            return dead

        return self._store.once(request, effect)

    def get(self, id: str) -> Delivery:
        with self._store.reading():
            return self._found(id)

    def _found(self, id: str) -> Delivery:
        endpoint, _, event = id.partition(":")
        queue = self._tables.queues.get(endpoint, FakeQueue())
        if event not in queue.deliveries:
            raise NotFound("delivery", id)
        return queue.deliveries[event]

    def page(self, endpoint: str, size: int, position: Position | None) -> Page[Delivery]:
        with self._store.reading():
            queue = self._tables.queue(endpoint)
            found = [queue.deliveries[event] for event in queue.listed]
            return page_of(found, _order, descending=True, size=size, position=position)

    def redeliver(self, request: WriteRequest, id: str) -> WriteResult[Delivery]:
        def effect() -> Delivery:
            found = self._found(id)
            queue = self._tables.queues[found.endpoint]
            made = replace(found, status=DeliveryStatus.PENDING, give_up_at=_now() + RETRY_WINDOW)
            queue.deliveries[found.event.id], queue.due[found.event.id] = made, _now()
            self._store.note(f"delivery:{id}")
            return made

        return self._store.once(request, effect)

    def outlook(self) -> Outlook:
        with self._store.reading():
            due, left = self._due(), self._store.events[self._tables.taken :]
            queues = {MAIL: self._tables.queue(MAIL), **{id: self._tables.queue(id) for id in self._tables.endpoints}}
            deliveries = [each for queue in queues.values() for each in queue.deliveries.values()]
            return Outlook(
                at=_now(),
                undispatched=len(left),
                oldest_at=left[0].at if left else None,
                due=len(due),
                due_since=min(due.values()) if due else None,
                dead=sum(each.status is DeliveryStatus.DEAD for each in deliveries),
                queues=[
                    QueueState(
                        queue=id,
                        pending=len(queue.due),
                        failing_since=queue.failing_since,
                        is_enabled=id == MAIL or self._tables.endpoints[id].is_enabled,
                    )
                    for id, queue in queues.items()
                ],
            )


def _gets(endpoint: Endpoint, event: Event) -> bool:
    if event.type is EventType.WEBHOOK_TEST:
        return event.object == endpoint.id
    is_unnamed = not endpoint.types and not event.type.startswith("cart.")
    return endpoint.is_enabled and (is_unnamed or event.type in endpoint.types)


def _recorded(queue: FakeQueue, attempt: Attempt) -> bool:
    """Whether the delivery is dead now."""
    found = queue.deliveries[attempt.event]
    if found.status is not DeliveryStatus.PENDING:
        return False
    status: DeliveryStatus = found.status if attempt.error else DeliveryStatus.DELIVERED
    if attempt.error and _now() >= found.give_up_at:
        status = DeliveryStatus.DEAD
    queue.deliveries[attempt.event] = replace(
        found,
        status=status,
        attempts=found.attempts + 1,
        attempted_at=_now(),
        response_status=attempt.response_status,
        error=attempt.error,
        duration_ms=attempt.duration_ms,
    )
    del queue.due[attempt.event]
    if status is DeliveryStatus.PENDING:
        queue.due[attempt.event] = min(_now() + attempt.retry_after, found.give_up_at)
    return status is DeliveryStatus.DEAD


def _order(delivery: Delivery) -> SortKey:
    return tuple(int(number) for number in delivery.event.id.split("-"))
