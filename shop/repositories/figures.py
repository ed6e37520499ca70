"""Figures in Redis: from the indexes of purchases, which are ordered by time, and from counts of refusals."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from exactly_once import Consistency, Store, WriteDeclaration, WriteRequest, WriteResult, returns
from shop.domain.figures import (
    DAY,
    MAX_DAYS,
    OPEN_STATUSES,
    Backlog,
    FigureRepository,
    Figures,
    Refusals,
    Span,
    Sums,
    Tallies,
    Walk,
)
from shop.domain.purchases import Status
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.unpaid_purchases import first_id

RECORD: WriteDeclaration[None] = WriteDeclaration(
    script="refusals_record",
    kind="refusals",
    keys=("refused",),
    args=("counts", "expires_at"),
    replies={"RECORDED": returns(lambda reply: None)},
)


class RedisFigureRepository(FigureRepository):
    """Counts ranges of the indexes, and walks those that have few purchases."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def tallies(self, spans: Sequence[Span]) -> Sequence[Tallies]:
        found = self._store.read_script(
            "purchase_tallies",
            keys={
                "purchases": self._keys.purchases,
                "cancelled": self._keys.purchase_index(None, Status.CANCELLED),
                "expired": self._keys.purchase_index(None, Status.EXPIRED),
                "refunded": self._keys.purchase_index(None, Status.REFUNDED),
            },
            args={"ranges": _json([_range(span) for span in spans])},
            consistency=Consistency.CAUSAL,
        )
        return [Tallies(*zip(map(int, flat[::2]), flat[1::2], strict=True)) for flat in found]

    def walk(self, span: Span, after: str) -> Walk:
        low, high = _range(span)
        rows, last = self._store.read_script(
            "purchase_sums",
            keys={"purchases": self._keys.purchases},
            args={
                "low": f"({after}" if after else low,
                "high": high,
                "purchase_prefix": self._keys.purchase_prefix,
            },
            consistency=Consistency.CAUSAL,
        )
        return Walk(figures=_figures(rows), last=last)

    def backlog(self) -> Backlog:
        found = self._store.read_script(
            "purchase_backlog",
            keys={
                "sold_out": self._keys.sold_out,
                **{status.value: self._keys.purchase_index(None, status) for status in OPEN_STATUSES},
            },
            args={},
            consistency=Consistency.CAUSAL,
        )
        sold_out, *purchases = map(int, found)
        return Backlog(sold_out=sold_out, purchases=dict(zip(OPEN_STATUSES, purchases, strict=True)))

    def refusals(self, days: Sequence[datetime]) -> Sequence[Refusals]:
        found = self._store.read_script(
            "refusals_of_days",
            keys={},
            args={"prefix": self._keys.refused_prefix, "days": _json([_day(day) for day in days])},
            consistency=Consistency.CAUSAL,
        )
        return [Refusals(counts=dict(_counts(records.pairs(flat)))) for flat in found]

    def record_refusals(
        self, request: WriteRequest, day: datetime, counts: Mapping[tuple[int, str], int]
    ) -> WriteResult[None]:
        return self._store.write(
            RECORD.call(
                request,
                keys={"refused": self._keys.refused(_day(day))},
                args={
                    "counts": _json([(f"{hour}:{reason}", count) for (hour, reason), count in counts.items()]),
                    "expires_at": int((day + DAY * (MAX_DAYS + 1)).timestamp()),
                },
            )
        )


def _range(span: Span) -> tuple[str, str]:
    """The ids of purchases placed in the span: from the first, to below the first after it."""
    return f"[{first_id(span.start)}", f"({first_id(span.end)}"


def _figures(rows: Iterable[Sequence[Any]]) -> Figures:
    groups: dict[str, Sums] = {}
    for status, currency, purchases, units, minor, last in rows:
        sums = Sums(purchases=int(purchases), units=int(units), minor={currency: int(minor)}, last=last)
        groups[status] = groups.get(status, Sums()) + sums
    placed = Sums()
    for sums in groups.values():
        placed += sums
    none = Sums()
    return Figures(
        placed=placed,
        cancelled=groups.get(Status.CANCELLED, none) + groups.get(Status.EXPIRED, none),
        refunded=groups.get(Status.REFUNDED, none),
    )


def _counts(fields: Mapping[str, str]) -> Iterable[tuple[tuple[int, str], int]]:
    for name, count in fields.items():
        hour, _, reason = name.partition(":")
        yield (int(hour), reason), int(count)


def _day(day: datetime) -> str:
    return f"{day:%Y-%m-%d}"


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
