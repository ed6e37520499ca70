"""Passwords: Argon2id by Django's hasher, at the least cost that OWASP names; weak ones by Django's validators."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import BoundedSemaphore
from types import SimpleNamespace
from typing import Any, TypeVar

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.exceptions import ValidationError

from exactly_once.errors import StoreUnavailable
from shop.concurrency import REQUESTS
from shop.domain.errors import FieldError
from shop.domain.ports import Passwords

T = TypeVar("T")

#: Hashes at a time in one process, where nothing else is configured: each takes a whole core and 19 MiB for some 20 ms.
AT_ONCE = 2
#: Seconds that one waits for its turn: less than nginx waits before it asks the other instance, which would hash again.
PATIENCE = 2.5
#: How many may wait: each holds a thread, and a hundred have no chance of coming in time.
WAITING = 64


class _Hasher(Argon2PasswordHasher):
    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1


class _Labels:
    """What Django's validators call the attributes of a user that is no model of Django's."""

    @staticmethod
    def get_field(name: str) -> SimpleNamespace:
        return SimpleNamespace(verbose_name=name.replace("_", " "))


class Argon2Passwords(Passwords):
    """Passwords kept as Argon2id hashes, no more than a few of them worked on at once.

    Raises (hash, matches): StoreUnavailable, where too many others wait.
    """

    def __init__(self, max_concurrent: int = AT_ONCE, max_queued: int = WAITING) -> None:
        self._hasher = _Hasher()
        # In threads of their own: memory that hundreds of threads had hashed in, each a little, is never given back.
        self._threads = ThreadPoolExecutor(max_concurrent, thread_name_prefix="passwords")
        self._waiting = BoundedSemaphore(max_queued)
        self._nobodys = self._hasher.encode("nobody's password", self._hasher.salt())

    def weaknesses(self, password: str, *about: str) -> Sequence[FieldError]:
        email, first_name, last_name = (*about, "", "", "")[:3]
        whose: Any = SimpleNamespace(email=email, first_name=first_name, last_name=last_name, _meta=_Labels)
        found: list[FieldError] = []
        for validator in get_default_password_validators():
            try:
                validator.validate(password, whose)
            except ValidationError as error:
                found += [_fault(reason) for reason in error.error_list]
        return found

    def hash(self, password: str) -> str:
        return self._in_turn(lambda: self._hasher.encode(password, self._hasher.salt()))

    def matches(self, password: str, password_hash: str | None) -> bool:
        is_hash = password_hash is not None and password_hash.startswith(f"{self._hasher.algorithm}$")
        # Nobody's password costs as much to compare as somebody's, so the time tells nothing.
        right = self._in_turn(lambda: self._hasher.verify(password, str(password_hash) if is_hash else self._nobodys))
        return right and is_hash

    def _in_turn(self, work: Callable[[], T]) -> T:
        if not self._waiting.acquire(blocking=False):
            raise StoreUnavailable("Too many passwords are being checked.")
        try:
            working = self._threads.submit(work)
            with REQUESTS.released():
                wait([working], PATIENCE)
            if working.cancel():
                raise StoreUnavailable("Too many passwords are being checked.")
            return working.result()
        finally:
            self._waiting.release()


def _fault(reason: ValidationError) -> FieldError:
    return FieldError("/password", str(reason.code).replace("_", "-"), " ".join(reason.messages))
