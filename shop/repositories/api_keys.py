"""API keys in Redis."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from exactly_once import Reply, Store, WriteCall, WriteDeclaration, WriteRequest, WriteResult, fails, refuses, returns
from exactly_once.rate_limits import UNLIMITED, RateLimit
from shop.domain.api_keys import MAX_API_KEYS, ApiKey, ApiKeyCredentials, ApiKeyRepository, StoredApiKey
from shop.domain.audit import differences
from shop.domain.errors import NotFound, TooManyApiKeys
from shop.domain.pages import Page, Position
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window


def _stored(reply: Reply) -> StoredApiKey:
    sealed, *flat = reply.values
    return StoredApiKey(key=records.API_KEY.read_flat(flat), sealed=sealed)


def _named(key: ApiKey) -> dict[str, Any]:
    """What a key allows, by name."""
    networks = " ".join(key.networks)
    return {"name": key.name, "scopes": " ".join(key.scopes), "networks": networks, "expires_at": key.expires_at}


_NOT_FOUND = fails(lambda reply: NotFound("API key", reply.about))

CREATE = WriteDeclaration(
    script="api_key_create",
    kind="api_key",
    keys=("api_key", "api_keys"),
    args=("id", "fields", "sealed", "max_keys"),
    replies={
        "CREATED": returns(_stored),
        "TOO_MANY": refuses(lambda reply: TooManyApiKeys(f"The shop has {MAX_API_KEYS} API keys.")),
    },
)
ROLL = WriteDeclaration(
    script="api_key_roll",
    kind="api_key",
    keys=("api_key",),
    args=("digest", "sealed", "former_expires_at", "expires_at"),
    replies={"ROLLED": returns(_stored), "NOT_FOUND": _NOT_FOUND},
)
REVOKE: WriteDeclaration[None] = WriteDeclaration(
    script="api_key_revoke",
    kind="api_key",
    keys=("api_key", "api_keys"),
    args=("id",),
    replies={"REVOKED": returns(lambda reply: None), "NOT_FOUND": _NOT_FOUND},
)
USE: WriteDeclaration[None] = WriteDeclaration(
    script="api_key_use",
    keys=("api_key",),
    args=("at",),
    replies={"RECORDED": returns(lambda reply: None)},
)


class RedisApiKeyRepository(ApiKeyRepository):
    """Stores each API key in a hash, and its id in a set ordered by creation."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def get(self, id: str) -> ApiKey:
        credentials = self.credentials(id)
        if credentials is None:
            raise NotFound("API key", id)
        return credentials.key

    def credentials(self, id: str, digest: str = "", limit: RateLimit = UNLIMITED) -> ApiKeyCredentials | None:
        (flat,) = self._store.read_limited(
            "api_key_caller",
            keys={"api_key": self._keys.api_key(id)},
            args={"id": id, "digest": digest},
            limit=limit,
        )
        record = records.pairs(flat)
        if not record:
            return None
        key = records.API_KEY.read(record)
        return ApiKeyCredentials(key=key, digest=record["digest"], former_digest=record.get("former_digest", ""))

    def page(self, size: int, position: Position | None) -> Page[ApiKey]:
        window = Window(size=size, position=position, descending=True)
        found = self._store.read_script(
            "api_key_page",
            keys={"api_keys": self._keys.api_keys},
            args={**window.args(), "api_key_prefix": self._keys.api_key_prefix},
        )
        keys = [records.API_KEY.read_flat(flat) for flat in found]
        return window.page([(key.id, key) for key in keys])

    def create(
        self, request: WriteRequest, key: ApiKey, digest: str, sealed: str, confirm: Callable[[], None]
    ) -> WriteResult[StoredApiKey]:
        call = CREATE.call(
            request,
            keys={"api_key": self._keys.api_key(key.id), "api_keys": self._keys.api_keys},
            args={
                "id": key.id,
                "fields": records.API_KEY.creation(key, digest=digest, former_digest=""),
                "sealed": sealed,
                "max_keys": MAX_API_KEYS,
            },
            about=key.id,
            changes=[*differences({}, _named(key))],
        )
        return self._confirmed(call, confirm)

    def roll(
        self,
        request: WriteRequest,
        id: str,
        digest: str,
        sealed: str,
        former_expires_at: datetime,
        expires_at: datetime | None,
        confirm: Callable[[], None],
    ) -> WriteResult[StoredApiKey]:
        call = ROLL.call(
            request,
            keys={"api_key": self._keys.api_key(id)},
            args={
                "digest": digest,
                "sealed": sealed,
                "former_expires_at": records.milliseconds(former_expires_at),
                "expires_at": "" if expires_at is None else records.milliseconds(expires_at),
            },
            about=id,
            changes=[] if expires_at is None else [("expires_at", None, expires_at)],
        )
        return self._confirmed(call, confirm)

    def revoke(self, request: WriteRequest, id: str) -> WriteResult[None]:
        keys = {"api_key": self._keys.api_key(id), "api_keys": self._keys.api_keys}
        return self._store.write(REVOKE.call(request, keys=keys, args={"id": id}, about=id))

    def record_use(self, request: WriteRequest, id: str, at: datetime) -> WriteResult[None]:
        keys = {"api_key": self._keys.api_key(id)}
        return self._store.write(USE.call(request, keys=keys, args={"at": records.milliseconds(at)}, about=id))

    def _confirmed(self, call: WriteCall[StoredApiKey], confirm: Callable[[], None]) -> WriteResult[StoredApiKey]:
        def prepare() -> WriteCall[StoredApiKey]:
            confirm()
            return call

        # A repeat returns the recorded outcome without being confirmed again.
        return self._store.write_optimistic(call.declaration, call.request, prepare)
