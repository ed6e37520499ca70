"""Figures of sales: sums of purchases by the time at which they were placed, and counts of refusals.

A purchase belongs to the span of time in which it was placed, whatever becomes of it later. Its lines and its total
never change, and `cancelled` and `refunded` are final: so each of the three sets of a span only grows, and two equal
tallies of a span stand for the same purchases.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.money import Money
from shop.domain.purchases import Status

#: Days that figures go back, today included.
MAX_DAYS = 31
DAY, HOUR, FIVE_MINUTES = timedelta(days=1), timedelta(hours=1), timedelta(minutes=5)
#: Each length of a span, and that of its parts. The shortest ones are walked, however many purchases they have.
_PARTS: Mapping[timedelta, timedelta] = {
    DAY: HOUR,
    HOUR: FIVE_MINUTES,
    FIVE_MINUTES: timedelta(seconds=10),
    timedelta(seconds=10): timedelta(seconds=1),
}
#: The lengths of all spans that have parts, the longest first.
LENGTHS = tuple(_PARTS)
#: Reasons of refusals: codes of problems, those of purchases first, and requests that waited too long to be served.
OVERLOAD = "overload"
PURCHASE_REFUSALS = ("insufficient-stock", "too-many-open-purchases", "unknown-product", "mixed-currencies")
REFUSALS = (*PURCHASE_REFUSALS, "rate-limited", OVERLOAD)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Span:
    """A span of time, which begins with `start`, in UTC, and does not include its end."""

    start: datetime
    length: timedelta

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return self.start + self.length

    @property
    def parts(self) -> Sequence["Span"]:
        """The spans that it consists of, the last one first; none for the shortest."""
        length = _PARTS.get(self.length)
        if length is None:
            return ()
        return [Span(start=self.end - length * place, length=length) for place in range(1, self.length // length + 1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sums:
    """Purchases added up. `minor` are their totals by currency, in minor units; `last` is the highest of their ids,
    empty where there is none."""

    purchases: int = 0
    units: int = 0
    minor: Mapping[str, int] = field(default_factory=dict)
    last: str = ""

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            purchases=self.purchases + other.purchases,
            units=self.units + other.units,
            minor=_added(self.minor, other.minor, 1),
            last=max(self.last, other.last),
        )

    def without(self, other: "Sums") -> "Sums":
        """These but for the others, which are among them."""
        return Sums(
            purchases=self.purchases - other.purchases,
            units=self.units - other.units,
            minor=_added(self.minor, other.minor, -1),
            last=self.last,
        )

    @property
    def amounts(self) -> Sequence[Money]:
        """Their totals, by currency in the order of its code."""
        return [Money(minor=minor, currency=currency) for currency, minor in sorted(self.minor.items())]


#: Of purchases: how many, and the highest id.
Tally = tuple[int, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The purchases placed in a span, and those of them that are cancelled or refunded by now; expired ones are among
    those that are cancelled."""

    placed: Sums = field(default_factory=Sums)
    cancelled: Sums = field(default_factory=Sums)
    refunded: Sums = field(default_factory=Sums)

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            placed=self.placed + other.placed,
            cancelled=self.cancelled + other.cancelled,
            refunded=self.refunded + other.refunded,
        )

    @property
    def sold(self) -> Sums:
        """The purchases that are neither cancelled nor refunded."""
        return self.placed.without(self.cancelled).without(self.refunded)

    @property
    def tallies(self) -> "Tallies":
        """What an index says of these purchases."""
        return Tallies(*((sums.purchases, sums.last) for sums in (self.placed, self.cancelled, self.refunded)))


@dataclass(frozen=True, slots=True)
class Tallies:
    """What the indexes say of a span."""

    placed: Tally
    cancelled: Tally
    refunded: Tally


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk:
    """Figures of the first purchases of a span; `last` is the id of the last one where others may follow."""

    figures: Figures
    last: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """How much waits to be done now: products without stock, and purchases by open status."""

    sold_out: int
    purchases: Mapping[Status, int]


#: Statuses in which a purchase waits for the buyer or for staff.
OPEN_STATUSES = (Status.PLACED, Status.PAID, Status.PARTIALLY_SHIPPED, Status.SHIPPED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusals:
    """Answers of one UTC day that were refusals: counts by hour and by reason."""

    counts: Mapping[tuple[int, str], int]

    @property
    def by_reason(self) -> Mapping[str, int]:
        """Counts of the whole day."""
        totals = dict.fromkeys(REFUSALS, 0)
        for (_, reason), count in self.counts.items():
            totals[reason] = totals.get(reason, 0) + count
        return totals


class FigureRepository(Protocol):
    """Figures of the shop. Reads are causal, as those of products.

    Raises (every method): StoreUnavailable."""

    def tallies(self, spans: Sequence[Span]) -> Sequence[Tallies]:
        """Count the purchases placed in each of these spans, at most MAX_DAYS."""
        ...

    def walk(self, span: Span, after: str) -> Walk:
        """Add up purchases of the span whose ids are higher than `after`: a bounded number, the lowest ids first."""
        ...

    def backlog(self) -> Backlog:
        """Count what waits to be done."""
        ...

    def refusals(self, days: Sequence[datetime]) -> Sequence[Refusals]:
        """Return the refusals of the UTC days that begin at these instants, at most MAX_DAYS."""
        ...

    def record_refusals(
        self, request: WriteRequest, day: datetime, counts: Mapping[tuple[int, str], int]
    ) -> WriteResult[None]:
        """Add refusals to those of a UTC day, which are stored for MAX_DAYS."""
        ...


def day_of(at: datetime) -> Span:
    """The UTC day of an instant."""
    return Span(start=at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0), length=DAY)


def enclosing(span: Span, length: timedelta) -> Span:
    """The span of this length, at most a day, that this one is a part of."""
    day = day_of(span.start).start
    return Span(start=day + (span.start - day) // length * length, length=length)


def last_days(at: datetime, days: int) -> Sequence[Span]:
    """The UTC days up to that of an instant, the last one first."""
    today = day_of(at)
    return [Span(start=today.start - DAY * back, length=DAY) for back in range(days)]


def total(figures: Iterable[Figures]) -> Figures:
    """The sum of figures of spans that do not overlap."""
    result = Figures()
    for each in figures:
        result += each
    return result


def _added(left: Mapping[str, int], right: Mapping[str, int], sign: int) -> dict[str, int]:
    return {key: left.get(key, 0) + sign * right.get(key, 0) for key in {**left, **right}}
