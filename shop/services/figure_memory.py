"""Figures that were added up before, as texts in a cache: one document of days, one of each day's hours and their
parts of five minutes, and one of the shorter parts of each five minutes. So a document has at most 330 spans.

A cache that loses them costs time and no exactness: they are added up anew.
"""

from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson

from shop.domain.figures import DAY, FIVE_MINUTES, LENGTHS, MAX_DAYS, Figures, Span, Sums, Tallies, enclosing

#: Characters of a document; beyond them it remembers no parts of the spans that it remembers.
MAX_DOCUMENT_CHARS = 900_000
LIFETIME_S = int((MAX_DAYS + 1) * DAY.total_seconds())
_DAYS = "days"
#: With the version of the format: while servers of two versions run, neither reads what it does not know.
_PREFIX = "figures:2:"
Document = dict[str, Any]


class TextCache(Protocol):
    """A cache of texts, which may lose any of them at any time."""

    def find(self, key: str) -> str | None:
        """Return the text under this key, or None."""
        ...

    def put(self, key: str, text: str, lifetime_s: int) -> None:
        """Store the text for as long."""
        ...


class FigureMemory:
    """Figures of spans, for one call. Documents are read when they are first needed; `save` writes those that have
    changed. Of two calls at once the later one's document stays, and what the other one found is added up again."""

    def __init__(self, cache: TextCache, today: Span) -> None:
        self._cache = cache
        self._oldest = today.start - DAY * MAX_DAYS
        self._documents: dict[str, Document] = {}
        self._changed: set[str] = set()

    def find(self, span: Span, tallies: Tallies) -> Figures | None:
        """The figures that were remembered of this span, if it has these tallies still. Others are forgotten: from then
        on the span is an unfinished one, whose parts are needed."""
        name, key = _document_of(span), _key(span)
        rows = self._document(name).get(key)
        found = None if rows is None else _figures(rows)
        if found is None or found.tallies == tallies:
            return found
        del self._document(name)[key]
        self._changed.add(name)
        return None

    def remember(self, span: Span, figures: Figures) -> None:
        """Remember these, once `save` is called."""
        name = _document_of(span)
        self._document(name)[_key(span)] = _rows(figures)
        self._changed.add(name)

    def save(self) -> None:
        """Store what was remembered since."""
        for name in self._changed:
            self._cache.put(_PREFIX + name, self._text(self._documents[name]), LIFETIME_S)
        self._changed.clear()

    def _document(self, name: str) -> Document:
        if name not in self._documents:
            self._documents[name] = _parsed(self._cache.find(_PREFIX + name))
        return self._documents[name]

    def _text(self, document: Document) -> str:
        recent = {key: rows for key, rows in document.items() if _start(key) >= self._oldest}
        text = orjson.dumps(recent).decode()
        if len(text) <= MAX_DOCUMENT_CHARS:
            return text
        unfinished = {key: rows for key, rows in recent.items() if not _enclosing(key) & recent.keys()}
        return orjson.dumps(unfinished).decode()


def _document_of(span: Span) -> str:
    if span.length == DAY:
        return _DAYS
    if span.length >= FIVE_MINUTES:
        return f"{span.start:%Y-%m-%d}"
    return f"{enclosing(span, FIVE_MINUTES).start:%Y-%m-%dT%H:%M}"


def _enclosing(key: str) -> set[str]:
    """The keys of the spans that this one is a part of."""
    span = Span(start=_start(key), length=_length(key))
    return {_key(enclosing(span, length)) for length in LENGTHS if length > span.length}


def _key(span: Span) -> str:
    return f"{span.start.isoformat()}/{int(span.length.total_seconds())}"


def _start(key: str) -> datetime:
    return datetime.fromisoformat(key.partition("/")[0])


def _length(key: str) -> timedelta:
    return timedelta(seconds=int(key.partition("/")[2]))


def _rows(figures: Figures) -> list[list[Any]]:
    return [_row(sums) for sums in (figures.placed, figures.cancelled, figures.refunded)]


def _row(sums: Sums) -> list[Any]:
    return [sums.purchases, sums.units, sums.minor, sums.last] if sums.purchases else []


def _figures(rows: list[list[Any]]) -> Figures:
    placed, cancelled, refunded = (_sums(row) for row in rows)
    return Figures(placed=placed, cancelled=cancelled, refunded=refunded)


def _sums(row: list[Any]) -> Sums:
    if not row:
        return Sums()
    purchases, units, minor, last = row
    return Sums(purchases=purchases, units=units, minor=minor, last=last)


def _parsed(text: str | None) -> Document:
    """The document of a text; an empty one for a text that is none."""
    try:
        found = orjson.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
