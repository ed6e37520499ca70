"""Metrics of backups: of the process that makes them on a schedule, and of the exporter, which only looks at them."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge

from operations.backup.targets import BackupTarget, StoredBackup, TargetUnusable

#: Seconds between two looks at the target where another process makes the backups.
LOOK_INTERVAL_S = 60.0


class BackupMetrics:
    """The metrics of one target, in a registry. `max_age_s` is the age at which the newest backup is too old."""

    def __init__(self, registry: CollectorRegistry, max_age_s: float) -> None:
        self._newest = Gauge(
            "evergreen_backup_newest_timestamp_seconds",
            "Instant of the newest backup in the target; 0 where none is known.",
            registry=registry,
        )
        self._bytes = Gauge("evergreen_backup_newest_bytes", "Size of the newest backup.", registry=registry)
        self._stored = Gauge("evergreen_backups", "Backups of this store in the target.", registry=registry)
        self._max_age = Gauge(
            "evergreen_backup_max_age_seconds",
            "EVERGREEN_BACKUP_MAX_AGE: the age at which the newest backup is too old.",
            registry=registry,
        )
        self._max_age.set(max_age_s)

    def stored(self, backups: list[StoredBackup]) -> None:
        """Set the gauges from the backups in the target, the newest first."""
        self._stored.set(len(backups))
        if backups:
            self._newest.set(backups[0].instant.timestamp())
            self._bytes.set(backups[0].size)


class ScheduleMetrics(BackupMetrics):
    """And those of a schedule."""

    def __init__(self, registry: CollectorRegistry, max_age_s: float) -> None:
        super().__init__(registry, max_age_s)
        self._failed = Gauge(
            "evergreen_backup_failed",
            "1 where the last turn of the schedule made no backup, else 0.",
            registry=registry,
        )
        self._turns = Counter(
            "evergreen_backup_turns", "Turns of the schedule, by outcome: made, failed.", ["outcome"], registry=registry
        )
        self._duration = Gauge(
            "evergreen_backup_duration_seconds", "How long the last backup that was made took.", registry=registry
        )
        for outcome in ("made", "failed"):
            self._turns.labels(outcome)

    def made(self, backup: StoredBackup, seconds: float) -> None:
        """Count a backup, and set the gauges of the newest."""
        self._failed.set(0)
        self._turns.labels("made").inc()
        self._duration.set(seconds)
        self._newest.set(backup.instant.timestamp())
        self._bytes.set(backup.size)

    def failed(self) -> None:
        """Count a turn that made no backup."""
        self._failed.set(1)
        self._turns.labels("failed").inc()


def look_on(
    find_target: Callable[[], BackupTarget], metrics: BackupMetrics, interval_s: float = LOOK_INTERVAL_S
) -> None:
    """Look at the target in a thread of its own, for as long as the process runs. While it cannot be listed the gauges
    stay as they are, so that the newest backup grows old."""

    def look() -> None:
        while True:
            with suppress(TargetUnusable, OSError):
                metrics.stored(find_target().backups())
            time.sleep(interval_s)

    threading.Thread(target=look, daemon=True, name="backups").start()


def is_young(backups: list[StoredBackup], max_age_s: float, now: datetime) -> bool:
    """Whether the newest of these backups is no older than so many seconds."""
    return bool(backups) and backups[0].age_s(now) <= max_age_s
