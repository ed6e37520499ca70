"""Figures that were added up before, as texts in a cache: one document of days, and one of the parts of each day.

A cache that loses them costs time and no exactness: they are added up anew.
"""

from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson

from shop.domain.figures import DAY, HOUR, MAX_DAYS, Figures, Span, Sums, day_of

#: Characters of a document; beyond them it remembers no parts of hours.
MAX_DOCUMENT_CHARS = 900_000
LIFETIME_S = int((MAX_DAYS + 1) * DAY.total_seconds())
_DAYS = "days"
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

    def find(self, span: Span) -> Figures | None:
        """The figures that were remembered of this span."""
        rows = self._document(_document_of(span)).get(_key(span))
        return _figures(rows) if rows else None

    def remember(self, span: Span, figures: Figures) -> None:
        """Remember these, once `save` is called."""
        name = _document_of(span)
        self._document(name)[_key(span)] = _rows(figures)
        self._changed.add(name)

    def save(self) -> None:
        """Store what was remembered since."""
        for name in self._changed:
            self._cache.put(f"figures:{name}", self._text(self._documents[name]), LIFETIME_S)
        self._changed.clear()

    def _document(self, name: str) -> Document:
        if name not in self._documents:
            self._documents[name] = _parsed(self._cache.find(f"figures:{name}"))
        return self._documents[name]

    def _text(self, document: Document) -> str:
        recent = {key: rows for key, rows in document.items() if _start(key) >= self._oldest}
        text = orjson.dumps(recent).decode()
        if len(text) <= MAX_DOCUMENT_CHARS:
            return text
        return orjson.dumps({key: rows for key, rows in recent.items() if _length(key) >= HOUR}).decode()


def _document_of(span: Span) -> str:
    return _DAYS if span.length == DAY else f"{day_of(span.start).start:%Y-%m-%d}"


def _key(span: Span) -> str:
    return f"{span.start.isoformat()}/{int(span.length.total_seconds())}"


def _start(key: str) -> datetime:
    return datetime.fromisoformat(key.partition("/")[0])


def _length(key: str) -> timedelta:
    return timedelta(seconds=int(key.partition("/")[2]))


def _rows(figures: Figures) -> list[list[Any]]:
    return [[s.purchases, s.units, s.minor, s.last] for s in (figures.placed, figures.cancelled, figures.refunded)]


def _figures(rows: list[list[Any]]) -> Figures:
    placed, cancelled, refunded = (_sums(row) for row in rows)
    return Figures(placed=placed, cancelled=cancelled, refunded=refunded)


def _sums(row: list[Any]) -> Sums:
    purchases, units, minor, last = row
    return Sums(purchases=purchases, units=units, minor=minor, last=last)


def _parsed(text: str | None) -> Document:
    """The document of a text; an empty one for a text that is none."""
    try:
        found = orjson.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
