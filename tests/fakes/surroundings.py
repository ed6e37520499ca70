"""A clock, names, passwords and secrets that a test can foretell."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from shop.domain.errors import FieldError
from shop.domain.idempotency import IdempotencySecret
from shop.domain.surroundings import Clock, Ids, Passwords, Secrets

SHORTEST_PASSWORD = 8


class FakeClock(Clock):
    """Moves one millisecond with every look, so that no two instants are the same, and by `advance`."""

    def __init__(self) -> None:
        self._looks = count(1)
        self._start = datetime(2026, 11, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self._start + timedelta(milliseconds=next(self._looks))

    def advance(self, by: timedelta) -> None:
        self._start += by


class FakeIds(Ids):
    """UUIDv7 with a counter where the random bits are."""

    def __init__(self) -> None:
        self._count = count(1)

    def new(self, at: datetime) -> str:
        milliseconds = int(at.timestamp() * 1000)
        return str(UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62 | next(self._count)))


class FakePasswords(Passwords):
    """Passwords that are kept legibly."""

    def weaknesses(self, password: str, *about: str) -> Sequence[FieldError]:
        if len(password) < SHORTEST_PASSWORD:
            return [FieldError("/password", "password-too-short", "Use at least 8 characters.")]
        if password in about:
            return [FieldError("/password", "password-too-similar", "Use something that is not known about you.")]
        return []

    def hash(self, password: str) -> str:
        return f"hash of {password}"

    def is_outdated(self, password_hash: str) -> bool:
        return password_hash.startswith("old ")

    def matches(self, password: str, password_hash: str | None) -> bool:
        return password_hash is not None and password_hash.removeprefix("old ") == self.hash(password)


class FakeIdempotencySecret(IdempotencySecret):
    """One that everybody knows."""

    def value(self) -> bytes:
        return b"idempotency secret"


class FakeSecrets(Secrets):
    """Secrets with a number each."""

    def __init__(self) -> None:
        self._count = count(1)

    def make_token(self) -> str:
        return f"secret.{next(self._count)}"

    def make_cart_token(self) -> str:
        return f"cart token.{next(self._count)}"

    def make_api_key(self, id: str) -> str:
        return f"evk_{id}.{next(self._count)}"

    def api_key_id(self, secret: str) -> str | None:
        prefix, _, rest = secret.partition("evk_")
        return rest.partition(".")[0] if rest and not prefix else None

    def digest(self, secret: str) -> str:
        return f"digest of {secret}"

    def seal(self, secret: str) -> str:
        return f"sealed {secret}"

    def open(self, sealed: str) -> str:
        return sealed.removeprefix("sealed ")
