"""The metrics of the API, explained in docs/metrics.md.

Under gunicorn each worker has files of its own (PROMETHEUS_MULTIPROC_DIR), and /metrics adds them up. Counting takes no
lock: shop/queued_metrics.py says how.
"""

from collections.abc import Sequence
from functools import cache, lru_cache

from shop import queued_metrics
from shop.queued_metrics import Counter, Gauge, Histogram

queued_metrics.install()

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# Named as in django-prometheus, for the dashboards made for it. Its own middleware has eighteen more, and each of them
# costs every request another write to a shared file.
REQUEST_SECONDS = Histogram(
    "django_http_requests_latency_seconds_by_view_method",
    "Latency of requests in the instance, in seconds.",
    ["view", "method"],
    buckets=_BUCKETS,
)
RESPONSES = Counter(
    "django_http_responses_total_by_status_view_method", "Responses by status.", ["status", "view", "method"]
)
IN_PROGRESS = Gauge(
    "evergreen_requests_in_progress", "Requests in progress, each in a thread of its own.", multiprocess_mode="livesum"
)
PROBLEMS = Counter("evergreen_problems", "Responses that are problems, by code.", ["code"])
SHED = Counter(
    "evergreen_requests_shed",
    "Requests refused because they had waited too long, too many waited, or they were beyond nginx's places.",
)
NOT_TRIED = Counter(
    "evergreen_requests_not_tried",
    "Requests answered with 502 before anything was done, by the reason; nginx asks another instance.",
    ["reason"],
)
LIMITED = Counter("evergreen_requests_limited", "Requests that a rate limit of the API refused, by limit.", ["limiter"])
CLOCK_AHEAD = Gauge(
    "evergreen_clock_ahead_seconds",
    "Seconds by which the clock of this instance is ahead of nginx's; negative where it is behind.",
    multiprocess_mode="livemostrecent",
)
REPLAYED = Counter(
    "evergreen_requests_replayed",
    "Requests that returned the outcome of an earlier one with the same Idempotency-Key.",
    ["view"],
)

SCRIPT_SECONDS = Histogram(
    "evergreen_script_seconds",
    "Latency of a Lua script as seen by the API, in seconds, including the WAIT of a write.",
    ["script"],
    buckets=_BUCKETS,
)
SCRIPT_RUNS = Counter(
    "evergreen_script_runs",
    "Runs of Lua scripts, by the tag of their reply or the reason of their failure.",
    ["script", "outcome"],
)
WAIT_SECONDS = Histogram(
    "evergreen_wait_seconds", "Time from the reply of a write to the end of its WAIT, in seconds.", buckets=_BUCKETS
)
WAIT_ACKNOWLEDGEMENTS = Counter(
    "evergreen_wait_acknowledgements", "Attempts of writes, by the number of replicas that acknowledged.", ["replicas"]
)
WRITE_RETRIES = Counter(
    "evergreen_write_retries", "Attempts of writes that were followed by another attempt, by the reason.", ["reason"]
)
WRITES_IN_PROGRESS = Gauge(
    "evergreen_writes_in_progress", "Writes in progress at the store, or waiting for it.", multiprocess_mode="livesum"
)
MAX_WRITES_IN_PROGRESS = Gauge(
    "evergreen_max_writes_in_progress",
    "Writes that may be in progress; the next one is refused.",
    multiprocess_mode="livesum",
)
OPEN_FILES = Gauge(
    "evergreen_open_files", "Open files and connections of the worker that has the most.", multiprocess_mode="livemax"
)
MAX_OPEN_FILES = Gauge(
    "evergreen_max_open_files", "Files and connections that a worker may have open.", multiprocess_mode="livemax"
)
WITHOUT_PRIMARY = Counter(
    "evergreen_store_without_primary_seconds",
    "Time without a known, working primary, as seen by each process, in seconds.",
)
READS = Counter("evergreen_reads", "Reads, by the role of the node that served them.", ["role"])
READS_RETRIED = Counter("evergreen_reads_retried", "Attempts of reads that were repeated at another node.", ["reason"])
CONNECTIONS_BUSY = Gauge(
    "evergreen_redis_connections_busy",
    "Connections to data nodes and Sentinels with a pending reply.",
    multiprocess_mode="livesum",
)
CONNECTIONS_OPENED = Counter(
    "evergreen_redis_connections_opened", "Connections opened to data nodes and Sentinels, failed attempts included."
)

PURCHASES = Counter("evergreen_purchases", "Purchases placed.", ["currency"])
UNITS = Counter("evergreen_purchase_units", "Units in the purchases placed.", ["currency"])
REVENUE = Counter(
    "evergreen_purchase_revenue", "Totals of the purchases placed, in the major unit of the currency.", ["currency"]
)
RETURN_TRANSITIONS = Counter("evergreen_return_transitions", "Transitions of returns, by the new status.", ["status"])
TRANSITIONS = Counter("evergreen_purchase_transitions", "Transitions of purchases, by the new status.", ["status"])

EXPIRED = Counter("evergreen_purchases_expired", "Purchases that the shop ended because they were not paid in time.")

PAYMENTS = Counter(
    "evergreen_payments", "Changes of payments by provider, and by the status behind them.", ["provider", "status"]
)

MAILS = Counter("evergreen_mails", "Mails to customers, by what became of them.", ["outcome"])

ERASURES_PENDING = Gauge(
    "evergreen_erasures_pending",
    "Users whose erasure has begun and is not complete.",
    multiprocess_mode="livemostrecent",
)

LOG_LINES_DROPPED = Counter(
    "evergreen_log_lines_dropped", "Log lines that could not be written or queued, and were dropped."
)


AUDIT_SEQUENCE = Gauge(
    "evergreen_audit_sequence", "Number of the last entry of the audit.", multiprocess_mode="livemax"
)
AUDIT_STORED = Gauge("evergreen_audit_stored_entries", "Stored entries of the audit.", multiprocess_mode="livemax")
AUDIT_SIGNED = Gauge(
    "evergreen_audit_signed_sequence", "Number of the last checkpoint of the audit.", multiprocess_mode="livemax"
)
AUDIT_BREAKS = Counter("evergreen_audit_breaks_total", "Checks of the audit that found it tampered with.")


def audit_counted(sequence: int, stored: int, signed: int) -> None:
    """Set the number of the last entry of the audit, how many are stored, and the number of the last checkpoint."""
    AUDIT_SEQUENCE.set(sequence)
    AUDIT_STORED.set(stored)
    AUDIT_SIGNED.set(signed)


def audit_broken() -> None:
    """Count a check that found the audit tampered with."""
    AUDIT_BREAKS.inc()


def erasures_counted(pending: int) -> None:
    """Set the number of erasures that are not complete."""
    ERASURES_PENDING.set(pending)


def limits_measured(*, max_writes: int, open_files: int, max_open_files: int) -> None:
    """Set the gauges of the limits of this process."""
    MAX_WRITES_IN_PROGRESS.set(max_writes)
    OPEN_FILES.set(open_files)
    MAX_OPEN_FILES.set(max_open_files)


def connection_opened() -> None:
    """Count an opened connection."""
    CONNECTIONS_OPENED.inc()


def request_served(view: str, method: str, status: int, seconds: float) -> None:
    """Count a response and observe its latency."""
    duration, responses = _request_metrics(view, method if method in _METHODS else "other", status)
    duration.observe(seconds)
    responses.inc()


def log_lines_dropped(lines: int) -> None:
    """Count log lines that were dropped."""
    LOG_LINES_DROPPED.inc(lines)


def request_shed() -> None:
    """Count a request that got no slot of the concurrency limit in time."""
    SHED.inc()


def request_not_tried(reason: str) -> None:
    """Count a request that was not begun."""
    _NOT_TRIED[reason].inc()


def request_limited(limiter: str) -> None:
    """A rate limit refused a request."""
    _LIMITED[limiter].inc()


def clock_compared(ahead_s: float) -> None:
    """Set by how much this machine's clock is ahead of nginx's."""
    CLOCK_AHEAD.set(ahead_s)


def request_replayed(view: str) -> None:
    """Count a request that returned the outcome of an earlier one."""
    REPLAYED.labels(view).inc()


def problem_returned(code: str) -> None:
    """Count a response that is a problem."""
    PROBLEMS.labels(code).inc()


def script_ran(script: str, outcomes: Sequence[str], seconds: float) -> None:
    """Count the outcomes of a round trip of one script, several if pipelined, and observe its latency."""
    _script_duration(script).observe(seconds)
    for outcome in outcomes:
        _script_runs(script, outcome).inc()


def waited(replicas: int, seconds: float) -> None:
    """Count a WAIT by the replicas that acknowledged, and observe its duration."""
    WAIT_SECONDS.observe(seconds)
    _waits(replicas).inc()


def write_retried(reason: str) -> None:
    """Count an attempt of a write that is followed by another."""
    WRITE_RETRIES.labels(reason).inc()


def without_primary(seconds: float) -> None:
    """Add time without a working primary."""
    WITHOUT_PRIMARY.inc(seconds)


def read_served(*, by_primary: bool) -> None:
    """Count a read by the role of its node."""
    _reads("primary" if by_primary else "replica").inc()


def read_elsewhere(reason: str) -> None:
    """Count an attempt of a read that is repeated at another node."""
    READS_RETRIED.labels(reason).inc()


def purchase_placed(currency: str, units: int, total: float) -> None:
    """Count a purchase, its units, and its total in the major unit of the currency."""
    _purchases(currency).inc()
    _units(currency).inc(units)
    _revenue(currency).inc(total)


def return_moved(status: str) -> None:
    """Count a transition of a return."""
    RETURN_TRANSITIONS.labels(status).inc()


def purchase_transitioned(status: str) -> None:
    """Count a transition of a purchase by its new status."""
    TRANSITIONS.labels(status).inc()


def payment_changed(provider: str, status: str) -> None:
    """Count a report of a provider that became part of a payment, by the status behind it."""
    PAYMENTS.labels(provider, status).inc()


def mail_handled(outcome: str) -> None:
    """Count a mail that was sent, failed, or dropped because too many waited."""
    _MAILS[outcome].inc()


def purchase_expired() -> None:
    """Count a purchase that the shop cancelled."""
    EXPIRED.inc()


# Each counts what its name says while a block runs.
request_in_progress = cache(IN_PROGRESS.track_inprogress)
write_in_progress = cache(WRITES_IN_PROGRESS.track_inprogress)
connection_busy = cache(CONNECTIONS_BUSY.track_inprogress)


# Looking a child up by its labels costs more than counting. Every label here has few values, so the caches stay small.
@lru_cache(maxsize=1024)
def _request_metrics(view: str, method: str, status: int) -> tuple[Histogram, Counter]:
    return REQUEST_SECONDS.labels(view, method), RESPONSES.labels(str(status), view, method)


#: From the start, so that the first one is an increase.
_NOT_TRIED = {reason: NOT_TRIED.labels(reason) for reason in ("isolated", "hung-up", "too-late")}
_SIGN_IN_LIMITERS = ("sign-in-network", "sign-in-account-network", "sign-in-account")
_LIMITERS = ("reads", "writes", "registration", "guest", *_SIGN_IN_LIMITERS)
_LIMITED = {limiter: LIMITED.labels(limiter) for limiter in _LIMITERS}
_MAILS = {outcome: MAILS.labels(outcome) for outcome in ("sent", "failed", "dropped")}
_script_duration = lru_cache(maxsize=64)(SCRIPT_SECONDS.labels)
_script_runs = lru_cache(maxsize=512)(SCRIPT_RUNS.labels)
_waits = lru_cache(maxsize=16)(WAIT_ACKNOWLEDGEMENTS.labels)
_reads = lru_cache(maxsize=2)(READS.labels)
_purchases = lru_cache(maxsize=256)(PURCHASES.labels)
_units = lru_cache(maxsize=256)(UNITS.labels)
_revenue = lru_cache(maxsize=256)(REVENUE.labels)
