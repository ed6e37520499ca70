"""Webhook endpoints, and the deliveries of events to them: at least once, signed as Standard Webhooks say."""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.events import Event, EventType
from shop.domain.pages import Page, Position

#: Endpoints of one shop.
MAX_ENDPOINTS = 50
MAX_URL_CHARS = 2_000
#: How long the former secret signs beside the new one after a rotation.
SECRET_OVERLAP = timedelta(hours=24)
#: How long a delivery is tried, from the instant at which it was planned or asked for again.
RETRY_WINDOW = timedelta(days=3)
#: The pause behind a failed attempt: doubled each time, from the first figure up to the second.
MIN_RETRY_S, MAX_RETRY_S = 5.0, 86_400.0
#: How long nothing is sent to an endpoint that does not answer: doubled each time, up to MAX_PAUSE_S.
MIN_PAUSE_S, MAX_PAUSE_S = 5.0, 300.0
#: Of each pause, how much may be left out, so that what failed together is not tried together.
JITTER = 0.25
#: Deliveries of one endpoint that may wait, and that are listed. Beyond the first, an event is not stored for it;
#: beyond the second, the oldest leave the list.
MAX_PENDING, MAX_LISTED = 20_000, 40_000
#: The queue of mails, which stands beside those of endpoints.
MAIL = "mail"
_SECRET_PREFIX = "whsec_"
_SECRET_CONTEXT = "shop.webhooks.secret"


class ClaimLost(Exception):
    """The lease of a claim was over, and another worker has its deliveries: they may be sent once more."""


class DeliveryStatus(StrEnum):
    """Where a delivery is: still to be made, made, or given up."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where events are sent. `types` are those that it gets; where there is none, all but those of carts. Secrets are
    derived from the nonces, and stored nowhere."""

    id: str
    url: str
    description: str
    types: tuple[EventType, ...]
    is_enabled: bool
    nonce: str
    former_nonce: str
    former_expires_at: datetime | None
    #: Since when no attempt has succeeded; None where the last one did.
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime

    def nonces(self, at: datetime) -> tuple[str, ...]:
        """Those whose secrets sign at this instant, the present one first."""
        former = self.former_expires_at
        return (self.nonce, self.former_nonce) if former is not None and at < former else (self.nonce,)

    def changed(self, **changes: Any) -> "Endpoint":
        return replace(self, **changes)


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedEndpoint:
    """An endpoint with its secret, which is shown once."""

    endpoint: Endpoint
    secret: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """The delivery of one event to one endpoint. `response_status` and `error` are those of the last attempt."""

    endpoint: str
    event: Event
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    give_up_at: datetime
    attempted_at: datetime | None
    response_status: int | None
    error: str
    duration_ms: int | None

    @property
    def id(self) -> str:
        return f"{self.endpoint}:{self.event.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """What came of an attempt. `error` is empty where the event was taken; else the delivery is due again after
    `retry_after`."""

    event: str
    error: str
    response_status: int | None
    duration_ms: int
    retry_after: timedelta = timedelta(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Deliveries to one endpoint that a worker has claimed: no other one has them until the claim ends. `endpoint` is
    None for mails. `failures` are the batches before this one that failed without a break."""

    claim: str
    queue: str
    endpoint: Endpoint | None
    failures: int
    deliveries: Sequence[Delivery]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What planning did: `events` were taken, and `dropped` deliveries were not stored, as MAX_PENDING waited."""

    events: int
    dropped: int


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueState:
    """The deliveries that wait for one endpoint, since when it has not taken any, and whether any are sent to it."""

    queue: str
    pending: int
    failing_since: datetime | None
    is_enabled: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """What is to be done. `undispatched` are events that no delivery was planned of, the oldest of them `oldest_at`;
    `due` are queues with a due delivery, the first of them since `due_since`."""

    at: datetime
    undispatched: int
    oldest_at: datetime | None
    due: int
    due_since: datetime | None
    dead: int
    queues: Sequence[QueueState]

    @property
    def pending(self) -> int:
        """Deliveries that are still to be made."""
        return sum(state.pending for state in self.queues)

    @property
    def failing_s(self) -> float:
        """Seconds for which the receiver that has failed for longest has taken nothing."""
        return max(self.age_s(state.failing_since) for state in self.queues)

    def age_s(self, since: datetime | None) -> float:
        """Seconds since an instant; 0 without one."""
        return max((self.at - since).total_seconds(), 0.0) if since else 0.0


class EndpointRepository(Protocol):
    """Webhook endpoints. Reads and writes as in ports.UserRepository."""

    def get(self, id: str) -> Endpoint:
        """Raises: NotFound."""
        ...

    def page(self, size: int, position: Position | None) -> Page[Endpoint]:
        """List the endpoints, newest first."""
        ...

    def create(self, request: WriteRequest, endpoint: Endpoint) -> WriteResult[Endpoint]:
        """Raises: TooManyEndpoints."""
        ...

    def update(self, request: WriteRequest, id: str, changes: Mapping[str, Any], at: datetime) -> WriteResult[Endpoint]:
        """Set the fields of `changes`: url, description, types, is_enabled. A disabled endpoint gets nothing; what
        waits for it goes on when it is enabled.

        Raises: NotFound."""
        ...

    def rotate(
        self, request: WriteRequest, id: str, nonce: str, former_expires_at: datetime, at: datetime
    ) -> WriteResult[Endpoint]:
        """Replace the nonce; the present one signs until `former_expires_at`.

        Raises: NotFound."""
        ...

    def test(self, request: WriteRequest, id: str) -> WriteResult[None]:
        """Emit an event for this endpoint alone.

        Raises: NotFound."""
        ...

    def delete(self, request: WriteRequest, id: str) -> WriteResult[None]:
        """Remove the endpoint with all that waits for it.

        Raises: NotFound."""
        ...


class DeliveryRepository(Protocol):
    """Deliveries. What a worker is given is acknowledged: no failover takes back an event that it sends."""

    def plan(self, request: WriteRequest, consumer: str, mail_types: Sequence[EventType]) -> WriteResult[Plan]:
        """Take the next events, and plan their deliveries in the same step: to each endpoint that gets them, and by
        mail those of `mail_types`. An endpoint for which MAX_PENDING wait gets no more."""
        ...

    def claim(self, request: WriteRequest, max_deliveries: int, lease: timedelta) -> WriteResult[Batch | None]:
        """Claim due deliveries of the queue that has been due for longest; None where none is. No other claim gets
        any of that queue until the batch is recorded, or `lease` is over. Of an endpoint that fails, one delivery is
        tried, which has been tried least."""
        ...

    def record(
        self, request: WriteRequest, batch: Batch, attempts: Sequence[Attempt], pause: timedelta
    ) -> WriteResult[int]:
        """Record what came of a batch, and end its claim; what was not attempted is due again. A delivery that fails
        after its RETRY_WINDOW is dead. With a pause, the endpoint gets nothing until it is over. Return how many are
        dead now.

        Raises: ClaimLost, where the lease was over and another worker has the queue."""
        ...

    def get(self, id: str) -> Delivery:
        """Raises: NotFound."""
        ...

    def page(self, endpoint: str, size: int, position: Position | None) -> Page[Delivery]:
        """List the deliveries to an endpoint, newest first: of the finished ones, those of the last days."""
        ...

    def redeliver(self, request: WriteRequest, id: str) -> WriteResult[Delivery]:
        """Make a delivery due now, whatever came of it, for another RETRY_WINDOW.

        Raises: NotFound."""
        ...

    def outlook(self) -> Outlook:
        """A causal read."""
        ...


def derived_secret(key: bytes, endpoint: str, nonce: str) -> str:
    """Return the secret that this nonce stands for, as Standard Webhooks write it: 256 bits."""
    text = f"{_SECRET_CONTEXT}:{endpoint}:{nonce}".encode()
    return _SECRET_PREFIX + b64encode(hmac.new(key, text, sha256).digest()).decode()


def retry_after(attempts: int, random: float) -> timedelta:
    """The pause behind the failed attempt of this number, shortened by up to JITTER; `random` is from 0 to 1."""
    return _doubled(MIN_RETRY_S, MAX_RETRY_S, attempts, random)


def endpoint_pause(failures: int, random: float) -> timedelta:
    """The pause of an endpoint whose batches failed this many times without a break, this one included."""
    return _doubled(MIN_PAUSE_S, MAX_PAUSE_S, failures, random)


def _doubled(least_s: float, most_s: float, count: int, random: float) -> timedelta:
    # 2**20 times the least is beyond every limit.
    seconds = min(least_s * 2 ** min(max(count - 1, 0), 20), most_s)
    return timedelta(seconds=seconds * (1 - JITTER * random))
