"""Passwords: Argon2id by Django's hasher at the lowest cost that OWASP recommends, and Django's validators."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, TypeVar

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.exceptions import ValidationError

from exactly_once.errors import StoreUnavailable
from shop.concurrency import REQUESTS
from shop.domain.errors import FieldError
from shop.domain.surroundings import Passwords
from shop.fair_queue import FairQueue, QueueFull

T = TypeVar("T")
Job = tuple[Future[Any], Callable[[], Any]]

#: Hashes at once in one process, where nothing else is configured: each takes a whole core and 19 MiB for some 20 ms.
MAX_CONCURRENT_HASHES = 2
#: How long a request waits for its hash: less than nginx waits before it tries the other instance, which hashes again.
HASH_TIMEOUT_S = 2.5
#: Requests that may wait for a hash: each holds a thread, and a hundred would not be served in time.
MAX_WAITING_HASHES = 64
#: One source may have a quarter of them, and sources are served round-robin: a network that floods sign-in delays its
#: own.
SHARE_OF_A_SOURCE = 4
#: The network for whose request this thread computes a hash. Hashes are computed far below the code that knows it.
HASH_SOURCE: ContextVar[str] = ContextVar("hash_source", default="")


class _Hasher(Argon2PasswordHasher):
    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1


class _Labels:
    """Names of the user's attributes for Django's validators, which expect a model."""

    @staticmethod
    def get_field(name: str) -> SimpleNamespace:
        return SimpleNamespace(verbose_name=name.replace("_", " "))


class Argon2Passwords(Passwords):
    """Argon2id hashes, with a limit on how many are computed at once.

    Raises (hash, matches): StoreUnavailable, where too many requests wait for a hash.
    """

    def __init__(self, max_concurrent: int = MAX_CONCURRENT_HASHES, max_queued: int = MAX_WAITING_HASHES) -> None:
        self._hasher = _Hasher()
        # A pool of its own: memory in which hundreds of threads had hashed, each a little, is never freed.
        self._threads = ThreadPoolExecutor(max_concurrent, thread_name_prefix="passwords")
        self._queue: FairQueue[Job] = FairQueue(max_queued, max(max_queued // SHARE_OF_A_SOURCE, 1))
        self._decoy_hash = self._hasher.encode("decoy", self._hasher.salt())

    def weaknesses(self, password: str, *about: str) -> Sequence[FieldError]:
        email, first_name, last_name = (*about, "", "", "")[:3]
        user: Any = SimpleNamespace(email=email, first_name=first_name, last_name=last_name, _meta=_Labels)
        errors: list[FieldError] = []
        for validator in get_default_password_validators():
            try:
                validator.validate(password, user)
            except ValidationError as error:
                errors += map(_field_error, error.error_list)
        return errors

    def hash(self, password: str) -> str:
        return self._limited(lambda: self._hasher.encode(password, self._hasher.salt()))

    def is_outdated(self, password_hash: str) -> bool:
        return self._hasher.must_update(password_hash)

    def matches(self, password: str, password_hash: str | None) -> bool:
        is_hash = password_hash is not None and password_hash.startswith(f"{self._hasher.algorithm}$")
        # Without a hash, the decoy's costs the same: the time does not reveal whether a user exists.
        compared = str(password_hash) if is_hash else self._decoy_hash
        return self._limited(lambda: self._hasher.verify(password, compared)) and is_hash

    def _limited(self, compute: Callable[[], T]) -> T:
        source, future = HASH_SOURCE.get(), Future[T]()
        try:
            self._queue.put(source, (future, compute))
        except QueueFull:
            raise StoreUnavailable("Too many passwords are being hashed.") from None
        try:
            self._threads.submit(self._compute_next)
            with REQUESTS.released():
                wait([future], HASH_TIMEOUT_S)
            if self._queue.remove(source, (future, compute)):
                raise StoreUnavailable("Too many passwords are being hashed.")
            return future.result()
        finally:
            self._queue.release(source)

    def _compute_next(self) -> None:
        """Compute the hash whose turn it is; nothing where its request no longer waits."""
        job = self._queue.take()
        if job is None:
            return
        future, compute = job
        try:
            future.set_result(compute())
        except BaseException as error:
            future.set_exception(error)


def _field_error(reason: ValidationError) -> FieldError:
    return FieldError("/password", str(reason.code).replace("_", "-"), " ".join(reason.messages))
