"""How an API instance serves. Read by gunicorn; what differs from place to place comes from the environment."""

import ctypes
import gc
import os
import resource
import select
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import configuration
from configuration import ConfigurationError, Scope, server, shop

PR_SET_PDEATHSIG = 1
# On one machine, data nodes and Sentinels get the CPU first: a primary that gets none for a second is replaced.
MIN_NICENESS = 5
# Objects that are made between two rounds of the garbage collector. A request leaves no cycles behind; Python's own 700
# is a round for each request.
YOUNG_OBJECTS = 10_000

try:
    values = configuration.read(Scope.GUNICORN, os.environ)
except ConfigurationError as fault:
    sys.exit(str(fault))

bind = [*values[server.BIND]]

_certificate = values[server.CERTIFICATE]
if _certificate:
    certfile, keyfile = f"{_certificate}.pem", f"{_certificate}.key"
    ca_certs = str(Path(_certificate).with_name("ca.pem"))
    # nginx and commands of this deployment, and no client past them.
    cert_reqs = ssl.CERT_REQUIRED
    _contexts: dict[int, ssl.SSLContext] = {}


def ssl_context(config: Any, default_ssl_context_factory: Any) -> ssl.SSLContext:
    """Reads the certificate once for each version of its file: gunicorn reads it for each connection. A renewed one
    counts from the next connection on."""
    modified_ns = Path(config.certfile).stat().st_mtime_ns
    context = _contexts.get(modified_ns)
    if context is None:
        context = default_ssl_context_factory()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _contexts.clear()
        _contexts[modified_ns] = context
    return context


# A write that waits out a failover holds a thread. Threads are made when they are needed, and cost little while they
# wait; the configuration refuses fewer of them than requests can hold before a limit refuses the next one.
worker_class = "evergreen.threaded_worker.Worker"
if values[server.WORKER_CLASS] == "leader-followers" and hasattr(select, "epoll"):
    worker_class = "evergreen.worker.Worker"
workers = values[server.WORKERS]
threads = values[server.THREADS]
worker_connections = 2 * threads
# Each connection is a file, and a worker that may open no more ends.
_, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(_most, 16384) if _most > 0 else 16384, _most))
backlog = 2048
# No other user may call a socket in the file system.
umask = 0o077

# nginx refuses a request line or a header above 7 KiB before gunicorn would.
limit_request_line = 8190
# gunicorn believes no header about the client. Django reads X-Forwarded-Proto, which nginx replaces; gunicorn would
# refuse a request in which two such headers contradict each other.
secure_scheme_headers: dict[str, str] = {}
forwarded_allow_ips = ""
forwarder_headers = ""

# Longer than nginx keeps an idle connection, so that it is nginx that closes it: the other way round, a request may be
# sent on a connection that is just being closed.
keepalive = 90
# Longer than a write waits, on stopping too.
timeout = 30
graceful_timeout = 15

# The application is loaded before the socket opens: until then nginx is refused and asks the other instance, where it
# would otherwise wait for one that is still starting; and a worker that dies is replaced in milliseconds. Nothing
# connects or starts a thread before there is a worker, so nothing is shared across the fork.
preload_app = True
# The heartbeat file in memory: on a slow disk, touching it may take longer than the timeout.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
# Nothing here uses it, and it needs a directory that a container without root does not have.
control_socket_disable = True

# nginx logs every request, with both ends' times.
accesslog = None
errorlog = "-"
loglevel = "info"
# gunicorn's own messages are lines like all others, and neither raise nor block.
logconfig_dict = {
    "formatters": {"json": {"()": "evergreen.logs.json_lines"}},
    "handlers": {"stderr": {"class": "evergreen.logs.LineHandler", "formatter": "json"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False}},
}
proc_name = f"evergreen {values[shop.INSTANCE] or 'api'}"

_metrics = values[server.METRICS_DIRECTORY]
if _metrics:
    Path(_metrics).mkdir(parents=True, exist_ok=True)


def on_starting(server: Any) -> None:
    """Lets data nodes and Sentinels go first, and wipes the metrics of the workers of the previous start: their
    counters would be added to the new ones."""
    # Every worker inherits it.
    os.setpriority(os.PRIO_PROCESS, 0, max(MIN_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    for left_over in Path(_metrics).glob("*.db") if _metrics else ():
        left_over.unlink()


def when_ready(server: Any) -> None:
    """Loads what the first request would, and takes all of it out of the garbage collector's rounds: a full one goes
    over a hundred thousand objects for tens of milliseconds, in which nobody is answered."""
    from django.urls import get_resolver

    len(get_resolver().url_patterns)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def post_fork(server: Any, worker: Any) -> None:
    """Lets a worker end with its parent: left alone it would hold the socket for seconds, and answer nobody."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def post_worker_init(worker: Any) -> None:
    """Leaves nothing that a worker says to be printed in another form, and makes it known to the other instances."""
    from evergreen import logs
    from operations import bootstrap
    from shop import audit_worker, erasure_worker, instance_load, queued_metrics, refusal_worker
    from shop.bootstrap import container, get_shop, migrate_store

    logs.catch_the_uncaught()
    logs.protect_standard_streams()
    queued_metrics.publish_regularly(instance_load.measure)
    # Before the worker takes its first request, and without holding it up: until the store is migrated, it answers 503.
    migrate_store()
    erasure_worker.start(get_shop)
    refusal_worker.start(get_shop)
    audit_worker.start(lambda: container().journal)
    bootstrap.announce()


def worker_exit(server: Any, worker: Any) -> None:
    """Lets the other instances know that this is no failure, and loses no refusals that were counted."""
    from operations import bootstrap
    from shop import refusal_worker
    from shop.bootstrap import get_shop

    bootstrap.leave()
    refusal_worker.pursue(get_shop, refusal_worker.LAST_WRITE_TIMEOUT_S)


def child_exit(server: Any, worker: Any) -> None:
    """Takes a dead worker's gauges out of the metrics; its counters stay."""
    if _metrics:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)
