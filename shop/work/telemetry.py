"""The metrics of the worker, explained in docs/metrics.md."""

from shop import queued_metrics
from shop.queued_metrics import Counter, Gauge

queued_metrics.install()

DELIVERY_ATTEMPTS = Counter(
    "evergreen_delivery_attempts",
    "Attempts to deliver an event, by where it goes and by the outcome: delivered, or the reason of the failure.",
    ["channel", "outcome"],
)
DELIVERIES_GIVEN_UP = Counter(
    "evergreen_deliveries_given_up",
    "Deliveries that were given up, those that were not stored because too many waited included.",
)
EVENTS_UNDISPATCHED = Gauge(
    "evergreen_events_undispatched", "Events that no worker has taken.", multiprocess_mode="livemostrecent"
)
EVENT_UNDISPATCHED_SECONDS = Gauge(
    "evergreen_event_undispatched_seconds",
    "Age of the oldest event that no worker has taken, in seconds; 0 where there is none.",
    multiprocess_mode="livemostrecent",
)
DELIVERY_OVERDUE_SECONDS = Gauge(
    "evergreen_delivery_overdue_seconds",
    "Seconds for which the first due delivery has been due; 0 where none is.",
    multiprocess_mode="livemostrecent",
)
DELIVERIES_PENDING = Gauge(
    "evergreen_deliveries_pending", "Deliveries that are still to be made.", multiprocess_mode="livemostrecent"
)
DELIVERIES_DEAD = Gauge(
    "evergreen_deliveries_dead",
    "Deliveries that were given up in the last 30 days and not asked for again.",
    multiprocess_mode="livemostrecent",
)
WEBHOOK_FAILING_SECONDS = Gauge(
    "evergreen_webhook_failing_seconds",
    "Seconds for which the endpoint that has failed for longest, or the mail server, has taken nothing.",
    multiprocess_mode="livemostrecent",
)
EVENTS_DISPATCHED = Counter("evergreen_events_dispatched", "Events that the worker took from the stream.")


def delivery_attempted(channel: str, outcome: str) -> None:
    """Count an attempt to deliver an event."""
    DELIVERY_ATTEMPTS.labels(channel, outcome).inc()


def deliveries_given_up(count: int) -> None:
    """Count deliveries that were given up, or not stored."""
    DELIVERIES_GIVEN_UP.inc(count)


def events_dispatched(count: int) -> None:
    """Count events that the worker took from the stream."""
    EVENTS_DISPATCHED.inc(count)


def deliveries_measured(
    *, undispatched: int, undispatched_s: float, overdue_s: float, pending: int, dead: int, failing_s: float
) -> None:
    """Set the gauges of events and deliveries."""
    EVENTS_UNDISPATCHED.set(undispatched)
    EVENT_UNDISPATCHED_SECONDS.set(undispatched_s)
    DELIVERY_OVERDUE_SECONDS.set(overdue_s)
    DELIVERIES_PENDING.set(pending)
    DELIVERIES_DEAD.set(dead)
    WEBHOOK_FAILING_SECONDS.set(failing_s)
