"""Django's caches: `default` in each process, and `shared` in the store, for all processes."""

from collections.abc import Sequence
from typing import Any

from exactly_once.credentials import Credentials
from exactly_once.pool_options import connection_options, pool_options

#: As which the store is called. Its user may use the keys of the cache, and no others.
USER = "cache"
#: A value that takes longer to get is made anew. Of a Sentinel and of a data node.
TIMEOUT_S = 0.1
MAX_LOCAL_ENTRIES = 100
#: Where none is given with a value.
DEFAULT_LIFETIME_S = 1


def caches(store: str, primary_name: str, sentinels: Sequence[tuple[str, int]], credentials: Credentials | None) -> Any:
    """Return CACHES. Without credentials `shared` is in each process too."""
    local = {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "TIMEOUT": DEFAULT_LIFETIME_S,
        "OPTIONS": {"MAX_ENTRIES": MAX_LOCAL_ENTRIES},
    }
    if credentials is None or not sentinels:
        return {"default": local, "shared": {**local, "LOCATION": "shared"}}
    return {"default": local, "shared": _shared(store, primary_name, sentinels, credentials)}


def _shared(
    store: str, primary_name: str, sentinels: Sequence[tuple[str, int]], credentials: Credentials
) -> dict[str, Any]:
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"redis://{primary_name}/0",
        # Apart from the keys of the store, which backups, restores and checks go through.
        "KEY_PREFIX": f"cache:{{{store}}}",
        "TIMEOUT": DEFAULT_LIFETIME_S,
        "OPTIONS": {
            "CLIENT_CLASS": "django_redis.client.SentinelClient",
            "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
            "SENTINELS": [*sentinels],
            "SENTINEL_KWARGS": connection_options(credentials, TIMEOUT_S),
            "CONNECTION_POOL_KWARGS": pool_options(credentials, TIMEOUT_S),
            # Not pickle: what is read from the store must not be a program.
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            "COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor",
        },
    }
