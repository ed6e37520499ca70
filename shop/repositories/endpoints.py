"""Webhook endpoints in Redis."""

from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from typing import Any

import orjson

from exactly_once import Reply, Store, WriteDeclaration, WriteRequest, WriteResult, fails, refuses, returns
from shop.domain.audit import differences
from shop.domain.errors import NotFound, TooManyEndpoints
from shop.domain.pages import Page, Position
from shop.domain.webhooks import MAX_ENDPOINTS, Endpoint, EndpointRepository
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window

_KIND = "webhook_endpoint"
_NOT_FOUND = fails(lambda reply: NotFound("webhook endpoint", reply.about))


def _endpoint(reply: Reply) -> Endpoint:
    return records.ENDPOINT.read_flat(reply.values)


CREATE = WriteDeclaration(
    script="endpoint_create",
    kind=_KIND,
    keys=("endpoint", "endpoints"),
    args=("id", "fields", "max_endpoints"),
    replies={
        "CREATED": returns(_endpoint),
        "TOO_MANY": refuses(lambda reply: TooManyEndpoints(f"The shop has {MAX_ENDPOINTS} webhook endpoints.")),
    },
)
UPDATE = WriteDeclaration(
    script="endpoint_update",
    kind=_KIND,
    keys=("endpoint", "deliveries_due"),
    args=("id", "fields", "endpoint_prefix"),
    replies={"UPDATED": returns(_endpoint), "NOT_FOUND": _NOT_FOUND},
)
ROTATE = WriteDeclaration(
    script="endpoint_rotate",
    kind=_KIND,
    keys=("endpoint",),
    args=("id", "nonce", "former_expires_at", "at"),
    replies={"ROTATED": returns(_endpoint), "NOT_FOUND": _NOT_FOUND},
)
TEST: WriteDeclaration[None] = WriteDeclaration(
    script="endpoint_test",
    kind=_KIND,
    keys=("endpoint",),
    args=("id",),
    replies={"EMITTED": returns(lambda reply: None), "NOT_FOUND": _NOT_FOUND},
)
DELETE: WriteDeclaration[None] = WriteDeclaration(
    script="endpoint_delete",
    kind=_KIND,
    keys=("endpoint", "endpoints", "queue", "list", "deliveries_due"),
    args=("id",),
    replies={"DELETED": returns(lambda reply: None), "NOT_FOUND": _NOT_FOUND},
)


class RedisEndpointRepository(EndpointRepository):
    """Stores each endpoint in a hash, and its id in a set ordered by creation."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def get(self, id: str) -> Endpoint:
        flat = self._store.read(("HGETALL", self._keys.endpoint(id)))
        if not flat or "id" not in flat[::2]:
            raise NotFound("webhook endpoint", id)
        return records.ENDPOINT.read_flat(flat)

    def page(self, size: int, position: Position | None) -> Page[Endpoint]:
        window = Window(size=size, position=position, descending=True)
        found = self._store.read_script(
            "endpoint_page",
            keys={"endpoints": self._keys.endpoints},
            args={**window.args(), "endpoint_prefix": self._keys.endpoint_prefix},
        )
        endpoints = [records.ENDPOINT.read_flat(flat) for flat in found]
        return window.page([(endpoint.id, endpoint) for endpoint in endpoints])

    def create(self, request: WriteRequest, endpoint: Endpoint) -> WriteResult[Endpoint]:
        keys = {"endpoint": self._keys.endpoint(endpoint.id), "endpoints": self._keys.endpoints}
        call = CREATE.call(
            request,
            keys=keys,
            args={
                "id": endpoint.id,
                "fields": records.ENDPOINT.creation(endpoint),
                "max_endpoints": MAX_ENDPOINTS,
            },
            about=endpoint.id,
            changes=[*differences({}, _named(endpoint))],
        )
        return self._store.write(call)

    def update(self, request: WriteRequest, id: str, changes: Mapping[str, Any], at: datetime) -> WriteResult[Endpoint]:
        texts = {field.name: field.encode(changes[field.name]) for field in _UPDATABLE if field.name in changes}
        texts["updated_at"] = records.milliseconds(at)
        call = UPDATE.call(
            request,
            keys={"endpoint": self._keys.endpoint(id), "deliveries_due": self._keys.deliveries_due},
            args={"id": id, "fields": _flat(texts), "endpoint_prefix": self._keys.endpoint_prefix},
            about=id,
            changes=[(name, None, _audited(value)) for name, value in changes.items()],
        )
        return self._store.write(call)

    def rotate(
        self, request: WriteRequest, id: str, nonce: str, former_expires_at: datetime, at: datetime
    ) -> WriteResult[Endpoint]:
        args: dict[str, str | int | float] = {
            "id": id,
            "nonce": nonce,
            "former_expires_at": records.milliseconds(former_expires_at),
            "at": records.milliseconds(at),
        }
        return self._store.write(ROTATE.call(request, keys=self._key(id), args=args, about=id))

    def test(self, request: WriteRequest, id: str) -> WriteResult[None]:
        return self._store.write(TEST.call(request, keys=self._key(id), args={"id": id}, about=id))

    def delete(self, request: WriteRequest, id: str) -> WriteResult[None]:
        keys = {
            **self._key(id),
            "endpoints": self._keys.endpoints,
            "queue": self._keys.endpoint_queue(id),
            "list": self._keys.endpoint_deliveries(id),
            "deliveries_due": self._keys.deliveries_due,
        }
        return self._store.write(DELETE.call(request, keys=keys, args={"id": id}, about=id))

    def _key(self, id: str) -> dict[str, str]:
        return {"endpoint": self._keys.endpoint(id)}


_UPDATABLE = [field for field in records.ENDPOINT.fields if field.name in ("url", "description", "types", "is_enabled")]


def _flat(texts: Mapping[str, str | int]) -> str:
    return orjson.dumps([*map(str, chain.from_iterable(texts.items()))]).decode()


def _named(endpoint: Endpoint) -> dict[str, Any]:
    """What an endpoint is, by name."""
    values = {name: getattr(endpoint, name) for name in ("url", "description", "types", "is_enabled")}
    return {name: _audited(value) for name, value in values.items()}


def _audited(value: Any) -> Any:
    return " ".join(value) if isinstance(value, tuple) else value
