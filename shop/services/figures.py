"""Use cases of figures: what was sold, when, and what was refused.

The figures of a span are those of its parts, down to spans of few purchases, which are walked. What was found is
remembered with its tallies, and used for as long as the indexes have the same tallies, which costs one look-up for all
days. A call walks a bounded number of purchases; where that does not suffice, the next call goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from exactly_once.requests import WriteRequest
from shop.domain.figures import (
    MAX_DAYS,
    Backlog,
    FigureRepository,
    Figures,
    Refusals,
    Span,
    Tallies,
    day_of,
    last_days,
    total,
)
from shop.domain.ports import Shop
from shop.services.figure_memory import FigureMemory, TextCache

#: A span of at most so many purchases is walked, and not looked at in parts.
MAX_WALKED_AT_ONCE = 500
#: Purchases that one call walks before it leaves the rest to the next one. The last span that it begins is walked
#: whole: a second's purchases at most.
MAX_WALKED_PER_CALL = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class DayFigures:
    """The figures of a UTC day; None where they are not all added up yet."""

    day: datetime
    figures: Figures | None
    refusals: Refusals


@dataclass(frozen=True, kw_only=True, slots=True)
class Dashboard:
    """Sales up to an instant: hours of its UTC day from the first one on, and days from the last one back."""

    at: datetime
    hours: Sequence[Figures | None]
    days: Sequence[DayFigures]
    backlog: Backlog

    @property
    def is_complete(self) -> bool:
        """Whether everything is added up."""
        return None not in self.hours and all(day.figures is not None for day in self.days)


def figures_dashboard(*, shop: Shop, cache: TextCache, days: int) -> Dashboard:
    """Return the figures of today and of the days before it, at most MAX_DAYS in all."""
    now = shop.clock.now()
    spans = last_days(now, min(days, MAX_DAYS))
    adding = _Addition(shop.figures, FigureMemory(cache, spans[0]))
    hours = adding.all(spans[0].parts)[::-1]
    today = total(hour for hour in hours if hour) if None not in hours else None
    figures = [today, *adding.all(spans[1:])]
    adding.memory.save()
    refusals = shop.figures.refusals([span.start for span in spans])
    return Dashboard(
        at=now,
        hours=hours,
        days=[
            DayFigures(day=span.start, figures=found, refusals=refused)
            for span, found, refused in zip(spans, figures, refusals, strict=True)
        ],
        backlog=shop.figures.backlog(),
    )


def refusals_record(*, shop: Shop, request: WriteRequest, at: datetime, counts: Mapping[str, int]) -> None:
    """Add refusals, by their reasons, to those of the UTC hour of this instant."""
    shop.figures.record_refusals(
        request, day_of(at).start, {(at.hour, reason): count for reason, count in counts.items()}
    )


class _Addition:
    """Adds up spans within the bound of one call."""

    def __init__(self, repository: FigureRepository, memory: FigureMemory) -> None:
        self.memory = memory
        self._repository = repository
        self._left = MAX_WALKED_PER_CALL

    def all(self, spans: Sequence[Span]) -> list[Figures | None]:
        """The figures of each span; None where the bound was reached."""
        if not spans:
            return []
        return [self._of(*pair) for pair in zip(spans, self._repository.tallies(spans), strict=True)]

    def _of(self, span: Span, tallies: Tallies) -> Figures | None:
        count = tallies.placed[0]
        if not count:
            return Figures()
        known = self.memory.find(span, tallies)
        if known is not None:
            return known
        if self._left <= 0:
            return None
        found = self._walked(span) if count <= MAX_WALKED_AT_ONCE or not span.parts else self._of_parts(span)
        if found is not None:
            self.memory.remember(span, found)
        return found

    def _of_parts(self, span: Span) -> Figures | None:
        parts = self.all(span.parts)
        return None if None in parts else total(part for part in parts if part)

    def _walked(self, span: Span) -> Figures:
        found, after = Figures(), ""
        while True:
            walk = self._repository.walk(span, after)
            found, after = found + walk.figures, walk.last
            self._left -= max(walk.figures.placed.purchases, 1)
            if not after:
                return found
