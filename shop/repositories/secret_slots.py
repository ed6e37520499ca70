"""The sealed idempotency secret in Redis."""

from collections.abc import Mapping

import orjson

from exactly_once import Reply, Store, WriteDeclaration, WriteRequest, WriteResult, returns
from exactly_once.declarations import Value
from shop.domain.idempotency import SecretSlots
from shop.repositories import records
from shop.repositories.keys import Keys

#: Secret keys of a store, former ones included; beyond them, only the slots of the present keys stay.
MAX_SLOTS = 16


def _slots(reply: Reply) -> Mapping[str, str]:
    return records.pairs(reply.values)


ADD = WriteDeclaration(
    script="secret_add",
    keys=("secret_slots",),
    args=("slots", "max_slots"),
    replies={"ADDED": returns(_slots)},
)


class RedisSecretSlots(SecretSlots):
    """Stores the slots in one hash."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._key = keys.secret_slots

    def read(self) -> Mapping[str, str]:
        return records.pairs(self._store.read(("HGETALL", self._key)))

    def add(self, request: WriteRequest, slots: Mapping[str, str]) -> WriteResult[Mapping[str, str]]:
        flat = orjson.dumps([text for slot in slots.items() for text in slot]).decode()
        args: dict[str, Value] = {"slots": flat, "max_slots": MAX_SLOTS}
        return self._store.write(ADD.call(request, keys={"secret_slots": self._key}, args=args))
