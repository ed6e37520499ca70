"""Limits of lists by UTC days, as forms have them: the first and the last day."""

import re
from datetime import UTC, date, datetime, time, timedelta

from shop.api.filters import Parameter

#: Ids of purchases have the instants from 1970 on.
_DAY = re.compile(r"(?:19[7-9]|[2-9][0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}", re.ASCII)


def day_parameter(name: str, description: str, *, is_last: bool = False) -> Parameter:
    """Make a parameter for a UTC day. Its value is the instant at which the day begins; at which it ends, where the
    parameter is the last day of a list."""
    return Parameter(
        name=name,
        description=description,
        expected="Use a date, as 2026-11-24.",
        schema={"type": "string", "format": "date"},
        parse=lambda text: _midnight(text, days_later=int(is_last)),
    )


def _midnight(text: str, *, days_later: int) -> datetime:
    if not _DAY.fullmatch(text):
        raise ValueError(text)
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=days_later)
    except OverflowError as error:
        raise ValueError(text) from error
