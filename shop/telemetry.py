"""Every metric of the shop's own processes; docs/metrics.md explains each of them.

Under gunicorn they are kept in files, one set per worker (PROMETHEUS_MULTIPROC_DIR), and /metrics adds them up.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# Under the names of django-prometheus, so that ready-made dashboards find them. Its own middleware keeps eighteen more,
# each of them another write to a shared file for every request.
REQUEST_SECONDS = Histogram(
    "django_http_requests_latency_seconds_by_view_method",
    "How long requests took, in seconds.",
    ["view", "method"],
    buckets=_BUCKETS,
)
RESPONSES = Counter(
    "django_http_responses_total_by_status_view_method",
    "How many requests were answered with this status.",
    ["status", "view", "method"],
)
IN_PROGRESS = Gauge(
    "evergreen_requests_in_progress",
    "Requests that are being answered: each holds a thread.",
    multiprocess_mode="livesum",
)
PROBLEMS = Counter("evergreen_problems", "Requests that were answered with this problem.", ["code"])
CROWDED = Counter("evergreen_requests_crowded", "Requests that were refused because too many others were before them.")
REPLAYED = Counter(
    "evergreen_requests_replayed", "Requests that were told the outcome of another one under the same key.", ["view"]
)

SCRIPT_SECONDS = Histogram(
    "evergreen_script_seconds",
    "How long a script took on the server and the way there, in seconds, a write's WAIT included.",
    ["script"],
    buckets=_BUCKETS,
)
SCRIPT_RUNS = Counter(
    "evergreen_script_runs", "Runs of scripts, by what they said or why they said nothing.", ["script", "outcome"]
)
WAIT_SECONDS = Histogram(
    "evergreen_wait_seconds",
    "How long replicas took to say that they have a write, in seconds.",
    buckets=_BUCKETS,
)
WAIT_ACKNOWLEDGEMENTS = Counter(
    "evergreen_wait_acknowledgements", "Tries of writes, by how many replicas said that they have them.", ["replicas"]
)
WRITE_RETRIES = Counter("evergreen_write_retries", "Tries of writes that were followed by another one.", ["reason"])
WRITES_IN_PROGRESS = Gauge(
    "evergreen_writes_in_progress",
    "Writes that are at the store or wait for it.",
    multiprocess_mode="livesum",
)
WITHOUT_PRIMARY = Counter(
    "evergreen_store_without_primary_seconds",
    "How long there was no primary that works, as each process saw it, in seconds.",
)
READS = Counter("evergreen_reads", "Reads, by the role of the node that answered.", ["role"])
READS_ELSEWHERE = Counter(
    "evergreen_reads_elsewhere", "Reads that had to be asked of another node, by why.", ["reason"]
)
CONNECTIONS_BUSY = Gauge(
    "evergreen_redis_connections_busy",
    "Connections to data nodes and Sentinels that wait for a reply.",
    multiprocess_mode="livesum",
)
CONNECTIONS_OPENED = Counter(
    "evergreen_redis_connections_opened", "Connections to data nodes and Sentinels that were opened."
)

PURCHASES = Counter("evergreen_purchases", "Purchases placed.", ["currency"])
UNITS = Counter("evergreen_purchase_units", "Units in the purchases placed.", ["currency"])
REVENUE = Counter(
    "evergreen_purchase_revenue", "Totals of the purchases placed, in the currency's own unit.", ["currency"]
)
MOVES = Counter("evergreen_purchase_moves", "Purchases that came into this status.", ["status"])

LOG_LINES_DROPPED = Counter(
    "evergreen_log_lines_dropped", "Log lines that could not be written or queued, and were dropped."
)


def request_in_progress() -> AbstractContextManager[None]:
    """For as long as a request is being answered."""
    return IN_PROGRESS.track_inprogress()


def write_in_progress() -> AbstractContextManager[None]:
    """For as long as a write is at the store or waits for it."""
    return WRITES_IN_PROGRESS.track_inprogress()


def connection_busy() -> AbstractContextManager[None]:
    """For as long as a connection waits for a reply."""
    return CONNECTIONS_BUSY.track_inprogress()


def connection_opened() -> None:
    """Counts a connection."""
    CONNECTIONS_OPENED.inc()


def request_served(view: str, method: str, status: int, seconds: float) -> None:
    """Counts a request, and how long it took."""
    duration, responses = _of_request(view, method if method in _METHODS else "other", status)
    duration.observe(seconds)
    responses.inc()


def log_lines_dropped(lines: int) -> None:
    """Count log lines that were dropped."""
    LOG_LINES_DROPPED.inc(lines)


def crowded() -> None:
    """Counts a request whose turn did not come in time."""
    CROWDED.inc()


def replayed(view: str) -> None:
    """Counts a request that was told another one's outcome."""
    REPLAYED.labels(view).inc()


def refused(code: str) -> None:
    """Counts an answer that is a problem."""
    PROBLEMS.labels(code).inc()


def script_ran(script: str, outcomes: Sequence[str], seconds: float) -> None:
    """Counts a run of a script with what it said: once for each of several that were sent together."""
    _script_duration(script).observe(seconds)
    for outcome in outcomes:
        _script_runs(script, outcome).inc()


def waited(replicas: int, seconds: float) -> None:
    """Counts a WAIT: how many replicas had the write, after how long."""
    WAIT_SECONDS.observe(seconds)
    _waits(replicas).inc()


def write_retried(reason: str) -> None:
    """Counts a try that is followed by another one."""
    WRITE_RETRIES.labels(reason).inc()


def without_primary(seconds: float) -> None:
    """Counts time in which no write could be acknowledged."""
    WITHOUT_PRIMARY.inc(seconds)


def read_served(*, by_primary: bool) -> None:
    """Counts a read."""
    _reads("primary" if by_primary else "replica").inc()


def read_elsewhere(reason: str) -> None:
    """Counts a node that could not serve a read."""
    READS_ELSEWHERE.labels(reason).inc()


def purchase_placed(currency: str, units: int, total: float) -> None:
    """Counts a purchase, its units, and its total in the currency's own unit."""
    PURCHASES.labels(currency).inc()
    UNITS.labels(currency).inc(units)
    REVENUE.labels(currency).inc(total)


def purchase_moved(status: str) -> None:
    """Counts a purchase that came into this status."""
    MOVES.labels(status).inc()


# Looking a child up by its labels costs more than counting does. What may be a label has few values everywhere here.
@lru_cache(maxsize=1024)
def _of_request(view: str, method: str, status: int) -> tuple[Histogram, Counter]:
    return REQUEST_SECONDS.labels(view, method), RESPONSES.labels(str(status), view, method)


_script_duration = lru_cache(maxsize=64)(SCRIPT_SECONDS.labels)
_script_runs = lru_cache(maxsize=512)(SCRIPT_RUNS.labels)
_waits = lru_cache(maxsize=16)(WAIT_ACKNOWLEDGEMENTS.labels)
_reads = lru_cache(maxsize=2)(READS.labels)
