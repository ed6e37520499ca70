"""Ports to the secret under which recorded outcomes are found."""

from collections.abc import Mapping
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult


class IdempotencySecret(Protocol):
    """The key of the HMACs of requests and Idempotency-Keys, under which outcomes are recorded."""

    def value(self) -> bytes:
        """Return the key: the same on every instance, and for the life of the store.

        Raises: StoreUnavailable, OutcomeUnknown, where it is not known yet and the store does not answer."""
        ...


class SecretSlots(Protocol):
    """The idempotency secret, sealed once for each secret key, under the key's name. Reads and writes as in
    UserRepository."""

    def read(self) -> Mapping[str, str]:
        """Return every slot."""
        ...

    def add(self, request: WriteRequest, slots: Mapping[str, str]) -> WriteResult[Mapping[str, str]]:
        """Add slots, and return all. Of concurrent additions under one name, the first one stays."""
        ...
