"""API keys in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from exactly_once.rate_limits import UNLIMITED, RateLimit
from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.api_keys import MAX_API_KEYS, ApiKey, ApiKeyCredentials, ApiKeyRepository, StoredApiKey
from shop.domain.audit import differences
from shop.domain.errors import NotFound, TooManyApiKeys
from shop.domain.pages import Page, Position
from tests.fakes.paging import SortKey, page_of
from tests.fakes.store import FakeStore


class FakeApiKeys(ApiKeyRepository):
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def get(self, id: str) -> ApiKey:
        with self._store.reading():
            return self._found(id).key

    def credentials(self, id: str, digest: str = "", limit: RateLimit = UNLIMITED) -> ApiKeyCredentials | None:
        with self._store.reading():
            held = self._store.api_keys.get(id)
            if held and digest in (held.digest, held.former_digest):
                self._store.admit([replace(limit, key=limit.key + id)])
            return held

    def page(self, size: int, position: Position | None) -> Page[ApiKey]:
        with self._store.reading():
            keys = [held.key for held in self._store.api_keys.values()]
            return page_of(keys, _creation, descending=True, size=size, position=position)

    def create(
        self, request: WriteRequest, key: ApiKey, digest: str, sealed: str, confirm: Callable[[], None]
    ) -> WriteResult[StoredApiKey]:
        def effect() -> StoredApiKey:
            confirm()
            if len(self._store.api_keys) >= MAX_API_KEYS:
                raise TooManyApiKeys
            self._store.api_keys[key.id] = ApiKeyCredentials(key=key, digest=digest, former_digest="")
            allowed = {"scopes": " ".join(key.scopes), "networks": " ".join(key.networks), "expires_at": key.expires_at}
            self._store.note(f"api_key:{key.id}", *differences({}, {"name": key.name, **allowed}))
            return StoredApiKey(key=key, sealed=sealed)

        return self._store.once(request, effect)

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
        def effect() -> StoredApiKey:
            confirm()
            held = self._found(id)
            key = replace(held.key, former_expires_at=former_expires_at, expires_at=expires_at or held.key.expires_at)
            self._store.api_keys[id] = ApiKeyCredentials(key=key, digest=digest, former_digest=held.digest)
            self._store.note(f"api_key:{id}", *([("expires_at", None, expires_at)] if expires_at else []))
            return StoredApiKey(key=key, sealed=sealed)

        return self._store.once(request, effect)

    def revoke(self, request: WriteRequest, id: str) -> WriteResult[None]:
        def effect() -> None:
            self._found(id)
            del self._store.api_keys[id]
            self._store.note(f"api_key:{id}")

        return self._store.once(request, effect)

    def record_use(self, request: WriteRequest, id: str, at: datetime) -> WriteResult[None]:
        def effect() -> None:
            held = self._store.api_keys.get(id)
            if held:
                self._store.api_keys[id] = replace(held, key=replace(held.key, last_used_at=at))

        return self._store.once(request, effect)

    def _found(self, id: str) -> ApiKeyCredentials:
        if id not in self._store.api_keys:
            raise NotFound("API key", id)
        return self._store.api_keys[id]


def _creation(key: ApiKey) -> SortKey:
    return key.created_at.isoformat(timespec="milliseconds"), key.id
