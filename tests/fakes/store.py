"""What the fake repositories share: their tables, one lock, and the records of what requests came to."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock
from typing import Any, TypeVar

from shop.domain.errors import KeyReused, NotFound, Refusal, ShopError, Unavailable
from shop.domain.products import Product
from shop.domain.purchases import Purchase
from shop.domain.requests import Caller, Done, WriteRequest
from shop.domain.users import User

T = TypeVar("T")


def each(write: Callable[..., Done[T]], many: Iterable[tuple[Any, ...]]) -> Sequence[Done[T] | ShopError]:
    """The outcomes of many writes; an error takes its place among them instead of being raised."""
    return [_done_or_refused(write, one) for one in many]


def _done_or_refused(write: Callable[..., Done[T]], one: tuple[Any, ...]) -> Done[T] | ShopError:
    try:
        return write(*one)
    except Unavailable:
        raise
    except ShopError as error:
        return error


@dataclass(kw_only=True)
class FakeToken:
    """A token of a user. Once it is revoked: by which request, and for whom it stood until then."""

    user: str
    expires_at: datetime
    revoked_by: str = ""
    stood_for: Caller | None = None


@dataclass(frozen=True, kw_only=True)
class _Record:
    fingerprint: str
    outcome: Done[Any] | Refusal | NotFound


@dataclass
class FakeStore:
    """Tables by id. While `unavailable` is set, whatever is asked raises it and nothing is done."""

    users: dict[str, User] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, FakeToken] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    withdrawn: dict[str, Product] = field(default_factory=dict)
    purchases: dict[str, Purchase] = field(default_factory=dict)
    unavailable: Unavailable | None = None
    _records: dict[str, _Record] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Nothing changes meanwhile."""
        with self._lock:
            if self.unavailable:
                raise self.unavailable
            yield

    def once(self, request: WriteRequest, effect: Callable[[], T]) -> Done[T]:
        """What `effect` comes to, or what it came to under this record before. A value and a Refusal are outcomes;
        anything else that it raises is not, and a repeat tries again."""
        with self.reading():
            record = self._records.get(request.record)
            if record is None:
                outcome = self._carried_out(request, effect)
                self._records[request.record] = _Record(fingerprint=request.fingerprint, outcome=outcome)
            elif record.fingerprint == request.fingerprint:
                outcome = record.outcome
            else:
                raise KeyReused
        if not isinstance(outcome, Done):
            raise outcome.with_traceback(None)
        return outcome

    def erase_outcomes(self, user: str) -> None:
        """What requests came to, where it was this user's data, is found no more."""
        for name, record in self._records.items():
            value = record.outcome.value if isinstance(record.outcome, Done) else None
            if isinstance(value, User) and value.id == user:
                self._records[name] = replace(record, outcome=NotFound("user", user))

    @staticmethod
    def _carried_out(request: WriteRequest, effect: Callable[[], T]) -> Done[T] | Refusal | NotFound:
        try:
            return Done(value=effect(), carried_out_by=request.id)
        except Refusal as refusal:
            refusal.carried_out_by = request.id
            return refusal
