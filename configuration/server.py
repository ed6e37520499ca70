"""What gunicorn reads."""

from configuration import limits, parsing
from configuration.values import Values
from configuration.variable import Scope, Variable, where

WORKERS = Variable(
    name="GUNICORN_WORKERS",
    form=parsing.integer(1, 64),
    default="1",
    meaning="Processes of an API instance. Every limit of the API counts for each of them.",
    scopes=where(Scope.GUNICORN, Scope.COMPOSE, Scope.STACK, Scope.NGINX),
)
THREADS = Variable(
    name="GUNICORN_THREADS",
    form=parsing.integer(1, 30_000),
    default="768",
    meaning="Threads of a worker: at least as many as requests may be worked on, queued, waiting for the store and "
    "waiting for a password hash, so that no request waits where no limit applies. They are made when they are needed.",
    scopes=where(Scope.GUNICORN, Scope.COMPOSE),
)
WORKER_CLASS = Variable(
    name="EVERGREEN_WORKER_CLASS",
    form=parsing.choice("leader-followers", "gthread"),
    default="leader-followers",
    meaning="How a worker of gunicorn serves: by the shop's own threads, which wait for requests themselves and refuse "
    "at little cost what has waited too long, or by gunicorn's `gthread` (ADR 37).",
    scopes=where(Scope.GUNICORN, Scope.COMPOSE),
)
BIND = Variable(
    name="GUNICORN_BIND",
    form=parsing.names(),
    default="0.0.0.0:8000",
    meaning="Where an API instance listens: host:port or unix:path, separated by commas.",
    scopes=where(Scope.GUNICORN),
)
CERTIFICATE = Variable(
    name="GUNICORN_CERTIFICATE",
    form=parsing.text(),
    default="",
    default_note="no TLS; set by `make run` and by deploy/compose.yml where EVERGREEN_INTERNAL_TLS is on",
    meaning="Directory and name of an instance's certificate: NAME.pem, NAME.key, and ca.pem beside them. Only clients "
    "with a certificate of that authority are answered then.",
    scopes=where(Scope.GUNICORN),
)
METRICS_DIRECTORY = Variable(
    name="PROMETHEUS_MULTIPROC_DIR",
    form=parsing.text(),
    default="",
    default_note="the metrics of one process only",
    meaning="Directory in which the workers of an instance put their metrics together; emptied at each start. "
    "prometheus_client reads it too.",
    scopes=where(Scope.GUNICORN),
)
VARIABLES = (WORKERS, WORKER_CLASS, THREADS, BIND, CERTIFICATE, METRICS_DIRECTORY)

_THREAD_HOLDERS = (
    limits.MAX_CONCURRENT_REQUESTS,
    limits.MAX_QUEUED_REQUESTS,
    limits.MAX_WAITING_WRITES,
    limits.MAX_QUEUED_HASHES,
)


def enough_threads(values: Values) -> str | None:
    """The fault where requests could use up all threads before a limit refuses them, or None."""
    needed = sum(values[each] for each in _THREAD_HOLDERS)
    if values[THREADS] >= needed:
        return None
    names = ", ".join(each.name for each in _THREAD_HOLDERS)
    return f"{THREADS.name} is {values[THREADS]}: give at least {needed}, the sum of {names}, or lower one of these."
