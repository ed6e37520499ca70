"""The secret of the HMACs by which recorded outcomes are found. It stays the same for the life of a store, so that a
new SECRET_KEY loses no Idempotency-Key.

The store holds it sealed, once for each secret key: an instance opens the slot of a key that it has, and adds the slots
of its other keys. A secret key can be dropped once every instance has another one of the slots.
"""

from collections.abc import Iterator, Mapping, Sequence

import structlog
from cryptography.fernet import InvalidToken

from exactly_once.requests import WriteRequest
from shop.domain.idempotency import IdempotencySecret, SecretSlots
from shop.sealing import key_name, seal_of

WRITE_TIMEOUT_S = 2.0
_LOG = structlog.get_logger()


class StoredIdempotencySecret(IdempotencySecret):
    """The secret of the store, read once. `keys` are the shop's secret key and its former ones."""

    def __init__(self, slots: SecretSlots, keys: Sequence[str]) -> None:
        self._slots = slots
        self._keys = tuple(keys)
        self._secret: bytes | None = None

    def value(self) -> bytes:
        # Without a lock: threads that read it at once get the same, and none waits for a store that does not answer.
        if self._secret is None:
            self._secret = self._shared()
        return self._secret

    def _shared(self) -> bytes:
        """The secret that every instance has, after a slot for each key is in the store."""
        slots = self._slots.read()
        if all(key_name(key) in slots for key in self._keys):
            return self._opened(slots)
        secret = self._opened(slots)
        sealed = {key_name(key): seal_of(key).encrypt(secret).decode() for key in self._keys}
        return self._opened(self._slots.add(WriteRequest.unique(WRITE_TIMEOUT_S), sealed).value)

    def _opened(self, slots: Mapping[str, str]) -> bytes:
        opened = next(_open(slots, self._keys), None)
        if opened is not None:
            return opened
        if slots:
            _LOG.warning("no secret key opens the idempotency secret of the store: idempotency keys of before are lost")
        # Versions without slots used the secret key itself. During a rotation the others still have the oldest one.
        return self._keys[-1].encode()


def _open(slots: Mapping[str, str], keys: Sequence[str]) -> Iterator[bytes]:
    for key in keys:
        sealed = slots.get(key_name(key))
        if sealed is not None:
            try:
                yield seal_of(key).decrypt(sealed.encode())
            except InvalidToken:
                continue
