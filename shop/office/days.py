"""Limits of lists by UTC days, as forms have them: the first and the last day."""

from datetime import UTC, date, datetime, timedelta

from shop.api.filters import Parameter


def day_parameter(name: str, description: str, *, is_last: bool = False) -> Parameter:
    """Make a parameter for a UTC day. Its value is the instant at which the day begins; at which it ends, where the
    parameter is the last day of a list."""
    return Parameter(
        name=name,
        description=description,
        expected="Use a date, as 2026-11-24.",
        schema={"type": "string", "format": "date"},
        parse=lambda text: _midnight(text) + timedelta(days=is_last),
    )


def _midnight(text: str) -> datetime:
    if len(text) != len("2026-11-24"):
        raise ValueError(text)
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except OverflowError as error:
        raise ValueError(text) from error
