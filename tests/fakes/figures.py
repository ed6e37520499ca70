"""Figures in memory."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.figures import OPEN_STATUSES, Backlog, FigureRepository, Figures, Refusals, Span, Sums, Tallies, Walk
from shop.domain.purchases import Purchase, Status
from tests.fakes.store import FakeStore

#: Purchases of one walk: few, so that tests see walks of several parts.
WALKED = 3


class FakeFigures(FigureRepository):
    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self.walked = 0

    def tallies(self, spans: Sequence[Span]) -> Sequence[Tallies]:
        with self._store.reading():
            return [figures_of(self._within(span)).tallies for span in spans]

    def walk(self, span: Span, after: str) -> Walk:
        with self._store.reading():
            rest = [purchase for purchase in self._within(span) if purchase.id > after]
            self.walked += len(rest[:WALKED])
            last = rest[WALKED - 1].id if len(rest) > WALKED else ""
            return Walk(figures=figures_of(rest[:WALKED]), last=last)

    def backlog(self) -> Backlog:
        with self._store.reading():
            statuses = Counter(purchase.status for purchase in self._store.purchases.values())
            sold_out = sum(not product.stock for product in self._store.products.values())
            return Backlog(sold_out=sold_out, purchases={status: statuses[status] for status in OPEN_STATUSES})

    def refusals(self, days: Sequence[datetime]) -> Sequence[Refusals]:
        with self._store.reading():
            return [Refusals(counts=dict(self._store.refusals.get(day, {}))) for day in days]

    def record_refusals(
        self, request: WriteRequest, day: datetime, counts: Mapping[tuple[int, str], int]
    ) -> WriteResult[None]:
        return self._store.once(
            request, lambda: self._store.refusals.setdefault(day, Counter()).update(counts), lambda _: ""
        )

    def _within(self, span: Span) -> list[Purchase]:
        found = self._store.purchases.values()
        return sorted((p for p in found if span.start <= p.created_at < span.end), key=lambda p: p.id)


def figures_of(purchases: Iterable[Purchase]) -> Figures:
    """The figures of these purchases, one by one."""
    every = list(purchases)
    return Figures(
        placed=_sums(every),
        cancelled=_sums(p for p in every if p.status in (Status.CANCELLED, Status.EXPIRED)),
        refunded=_sums(p for p in every if p.status is Status.REFUNDED),
    )


def _sums(purchases: Iterable[Purchase]) -> Sums:
    total, last = Counter[str](), ""
    count = units = 0
    for purchase in purchases:
        count, units = count + 1, units + sum(item.quantity for item in purchase.items)
        total[purchase.total.currency] += purchase.total.minor
        last = max(last, purchase.id)
    return Sums(purchases=count, units=units, minor=dict(total), last=last)
