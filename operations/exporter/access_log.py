"""nginx's access log as metrics: one datagram in syslog's form for every request, with the JSON line in it."""

import socket
from functools import lru_cache
from typing import Any

import orjson
from prometheus_client import CollectorRegistry, Counter, Histogram

from operations.nginx_tries import tries_of

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = _READS | {"POST", "PUT", "PATCH", "DELETE"}
_LIMITERS = frozenset({"connections", "reads", "writes", "sign-in", "registration"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
#: As nginx's log has it in `limited`, where every instance was at its limit and refused what is more.
_SHED = "capacity"
_MAX_UPSTREAMS = 16
_CACHE_RESULTS = frozenset({"HIT", "MISS", "BYPASS"})
#: Of the catalogue: there are five.
_MAX_CACHED_ROUTES = 16
#: Bytes of datagrams that may wait: a second of heavy traffic.
_QUEUE_BYTES = 4 * 2**20
_MAX_DATAGRAM_BYTES = 2**16


class AccessLog:
    """Counts requests as nginx answered them, and each try at an instance."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "evergreen_nginx_requests", "Requests that nginx has answered.", ["method", "status"], registry=registry
        )
        self._seconds = Histogram(
            "evergreen_nginx_request_seconds",
            "How long requests took, from their first byte to the last one of the answer, in seconds.",
            ["kind"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._tries = Counter(
            "evergreen_nginx_upstream_tries",
            "How often an instance was asked, and with which status it answered.",
            ["upstream", "status"],
            registry=registry,
        )
        self._upstream_seconds = Histogram(
            "evergreen_nginx_upstream_seconds",
            "How long each try took, in seconds.",
            ["upstream"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._repeated = Counter(
            "evergreen_nginx_requests_repeated",
            "Requests that went to more than one instance.",
            ["kind"],
            registry=registry,
        )
        limited = Counter(
            "evergreen_nginx_requests_limited",
            "Requests that nginx refused because their address came too often, by limit.",
            ["limiter"],
            registry=registry,
        )
        #: From the start, so that the first one is an increase.
        self._limited = {limiter: limited.labels(limiter) for limiter in _LIMITERS}
        shed = Counter(
            "evergreen_nginx_requests_shed",
            "Requests that nginx refused with 503 because every instance was at its limit and refused what is more.",
            ["kind"],
            registry=registry,
        )
        self._shed = {kind: shed.labels(kind) for kind in ("read", "write")}
        cached = Counter(
            "evergreen_nginx_cache_requests",
            "Reads of the catalogue, by route and by what nginx's cache had.",
            ["route", "result"],
            registry=registry,
        )
        self._cached = lru_cache(maxsize=_MAX_CACHED_ROUTES * len(_CACHE_RESULTS))(cached.labels)
        self._cached_routes: set[str] = set()
        self._unreadable = Counter(
            "evergreen_nginx_lines_unreadable", "Lines of the access log that made no sense.", registry=registry
        )
        self._upstreams: set[str] = set()
        self._answered = lru_cache(maxsize=512)(self._requests.labels)
        self._took = lru_cache(maxsize=2)(self._seconds.labels)

    def count(self, datagram: bytes) -> None:
        """Count the request of this line. One that cannot be read is counted as that."""
        try:
            line = orjson.loads(datagram[datagram.index(b"{") :])
            self._count(line)
        except (ValueError, KeyError, TypeError):
            self._unreadable.inc()

    def _count(self, line: dict[str, Any]) -> None:
        method = line["method"] if line["method"] in _METHODS else "other"
        kind = "read" if method in _READS else "write"
        self._answered(method, str(int(line["status"]))).inc()
        self._took(kind).observe(float(line["request_time"]))
        # A line of an nginx that has not been restarted since it was updated has none.
        if limited := self._limited.get(line.get("limited", "")):
            limited.inc()
        if line.get("limited") == _SHED:
            self._shed[kind].inc()
        if (result := line.get("cache", "")) in _CACHE_RESULTS:
            self._cached(self._named_route(line["route"]), result.lower()).inc()
        tries = [each for each in tries_of(line) if not each.reached_no_instance]
        if len(tries) > 1:
            self._repeated.labels(kind).inc()
        for each in tries:
            self._tried(self._named(each.upstream), each.status, each.seconds)

    def _named_route(self, route: str) -> str:
        """The name of the route, which an instance gave; their number has a limit."""
        if route not in self._cached_routes and len(self._cached_routes) >= _MAX_CACHED_ROUTES:
            return "other"
        self._cached_routes.add(route)
        return route or "none"

    def _tried(self, upstream: str, status: str, seconds: str) -> None:
        self._tries.labels(upstream, status if status.isdecimal() else "none").inc()
        if seconds != "-":
            self._upstream_seconds.labels(upstream).observe(float(seconds))

    def _named(self, upstream: str) -> str:
        """An instance by its address, or by its socket's name; their number has a limit."""
        name = upstream.rpartition("/")[2].removesuffix(".sock") if upstream.startswith("unix:") else upstream
        if name not in self._upstreams and len(self._upstreams) >= _MAX_UPSTREAMS:
            return "other"
        self._upstreams.add(name)
        return name


def listener(address: tuple[str, int]) -> socket.socket:
    """A socket at which nginx's datagrams arrive."""
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
    datagrams.bind(address)
    return datagrams


def count_next(datagrams: socket.socket, access_log: AccessLog) -> None:
    """Wait for a datagram, and count it."""
    access_log.count(datagrams.recv(_MAX_DATAGRAM_BYTES))
