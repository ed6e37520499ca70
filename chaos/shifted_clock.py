"""The application in a process whose clock is wrong, for gunicorn: `chaos.shifted_clock:shifted_by(120)`."""

import time
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

from shop import clock


def shifted_by(seconds: float) -> Any:
    """The application, with its clock so many seconds ahead; behind where they are negative."""
    shift(seconds)
    from evergreen.wsgi import application

    return application


def shift(seconds: float) -> None:
    """Shift the time of day in this process. The monotonic clock, and those of all others, are as they were."""
    present = time.time
    time.time = lambda: present() + seconds
    clock.datetime = _datetime(time.time)  # type: ignore[attr-defined]


def _datetime(now_s: Callable[[], float]) -> Any:
    class Shifted(datetime):
        """Its instants are plain ones."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(now_s(), tz)

    return Shifted
