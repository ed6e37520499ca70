"""The clock and the names of the real world."""

from datetime import UTC, datetime

import uuid_utils

from shop.domain.surroundings import Clock, Ids


class SystemClock(Clock):
    """The machine's own clock."""

    def now(self) -> datetime:
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


class UuidIds(Ids):
    """UUIDv7: a millisecond, then random bits."""

    def new(self, at: datetime) -> str:
        return str(uuid_utils.uuid7(nanoseconds=int(at.timestamp()) * 10**9 + at.microsecond * 1000))
