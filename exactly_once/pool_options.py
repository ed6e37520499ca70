"""Options of redis-py's connection pools, for a library that brings a client of its own, such as django-redis."""

import ssl
from typing import Any

from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from exactly_once.credentials import Credentials

MAX_CONNECTIONS = 16
#: What a pool raises where a server is away, is slow or refuses, and a client where what it reads makes no sense.
FAILURES = (RedisError, OSError, ValueError)


def pool_options(credentials: Credentials, timeout_s: float) -> dict[str, Any]:
    """Return the options of a pool whose connections authenticate as `credentials` say and wait for at most this long.
    Nothing is sent twice."""
    return {"max_connections": MAX_CONNECTIONS, **connection_options(credentials, timeout_s)}


def connection_options(credentials: Credentials, timeout_s: float) -> dict[str, Any]:
    """Return the options of a connection; as those of `pool_options`."""
    return {
        "credential_provider": credentials,
        "socket_connect_timeout": timeout_s,
        "socket_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        # It would name itself by a command that no user needs.
        "driver_info": None,
        **_tls(credentials),
    }


def _tls(credentials: Credentials) -> dict[str, Any]:
    if credentials.authority is None:
        return {}
    return {"ssl": True, "ssl_ca_certs": str(credentials.authority), "ssl_min_version": ssl.TLSVersion.TLSv1_2}
