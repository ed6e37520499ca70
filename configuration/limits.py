"""Limits of one API process: how much it does at once, and how long anything may wait."""

from configuration import parsing
from configuration.variable import Scope, Variable, where

_SERVING = where(Scope.API, Scope.GUNICORN, Scope.COMPOSE)
_API = where(Scope.API, Scope.COMPOSE)

MAX_CONCURRENT_REQUESTS = Variable(
    name="EVERGREEN_MAX_CONCURRENT_REQUESTS",
    form=parsing.integer(1, 64),
    default="4",
    meaning="Concurrency limit: requests worked on at once. More are not faster, they share one interpreter (ADR 13).",
    scopes=_SERVING,
)
MAX_QUEUED_REQUESTS = Variable(
    name="EVERGREEN_MAX_QUEUED_REQUESTS",
    form=parsing.integer(0, 10_000),
    default="300",
    meaning="Requests that may wait for one of these slots; where more wait, one is answered 503 at once.",
    scopes=_SERVING,
)
READ_SLOT_TIMEOUT_S = Variable(
    name="EVERGREEN_READ_SLOT_TIMEOUT_S",
    form=parsing.number(0.01, 2),
    default="1.5",
    unit="s",
    meaning="How long a read waits for a slot. nginx asks the other instance after 2 s.",
    scopes=_API,
)
WRITE_SLOT_TIMEOUT_S = Variable(
    name="EVERGREEN_WRITE_SLOT_TIMEOUT_S",
    form=parsing.number(0.01, 3.5),
    default="3",
    unit="s",
    meaning="How long a write waits for a slot. nginx asks the other instance after 3.5 s.",
    scopes=_API,
)
OVERLOAD_TIMEOUT_S = Variable(
    name="EVERGREEN_OVERLOAD_TIMEOUT_S",
    form=parsing.number(0.01, 2),
    default="0.5",
    unit="s",
    meaning="How long a request of either kind waits where requests have waited for 3 s without a break (ADR 37).",
    scopes=_API,
)
WRITE_DEADLINE_S = Variable(
    name="EVERGREEN_WRITE_DEADLINE_S",
    form=parsing.number(0.1, 14),
    default="10",
    unit="s",
    meaning="How long a write is tried, from its arrival at nginx, before it is answered 503. gunicorn gives requests "
    "15 s when it stops.",
    scopes=_API,
)
MAX_WAITING_WRITES = Variable(
    name="EVERGREEN_MAX_WAITING_WRITES",
    form=parsing.integer(1, 10_000),
    default="400",
    meaning="Writes that may be under way, as in a failover; the next one is answered 503 at once.",
    scopes=_SERVING,
)
WAIT_MS = Variable(
    name="EVERGREEN_WAIT_MS",
    form=parsing.integer(1, 200),
    default="150",
    unit="ms",
    meaning="How long the first WAIT gives the replicas to acknowledge a write, before the Sentinels are asked; later "
    "ones take two, four or eight times as long. A server has 500 ms for the script and what waits behind it, which is "
    "two of these with EVERGREEN_DURABILITY=fsynced, and more by as much as a later WAIT is longer.",
    scopes=_API,
)
READ_TIMEOUT_MS = Variable(
    name="EVERGREEN_READ_TIMEOUT_MS",
    form=parsing.integer(10, 2_000),
    default="250",
    unit="ms",
    meaning="How long a data node may take for a read, before the next node is asked.",
    scopes=_API,
)
MAX_CONCURRENT_HASHES = Variable(
    name="EVERGREEN_MAX_CONCURRENT_HASHES",
    form=parsing.integer(1, 64),
    default="2",
    meaning="Password hashes computed at once: each takes a whole core and 19 MiB for some 20 ms.",
    scopes=_SERVING,
)
MAX_QUEUED_HASHES = Variable(
    name="EVERGREEN_MAX_QUEUED_HASHES",
    form=parsing.integer(1, 1_000),
    default="64",
    meaning="Requests that may wait for a password hash or have one computed; the next one is answered 503 at once.",
    scopes=_SERVING,
)
VARIABLES = (
    MAX_CONCURRENT_REQUESTS,
    MAX_QUEUED_REQUESTS,
    READ_SLOT_TIMEOUT_S,
    WRITE_SLOT_TIMEOUT_S,
    OVERLOAD_TIMEOUT_S,
    WRITE_DEADLINE_S,
    MAX_WAITING_WRITES,
    WAIT_MS,
    READ_TIMEOUT_MS,
    MAX_CONCURRENT_HASHES,
    MAX_QUEUED_HASHES,
)
