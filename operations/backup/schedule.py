"""Backups one after the other."""

import time
from collections.abc import Callable

from operations.backup.targets import StoredBackup
from operations.backup.telemetry import ScheduleMetrics


def go_on(
    make: Callable[[], StoredBackup],
    every_s: float,
    metrics: ScheduleMetrics | None,
    report: Callable[[Exception], None],
    faults: tuple[type[Exception], ...],
) -> None:
    """Make a backup each so many seconds, until the process is ended. A turn that raises one of `faults` is reported,
    and the next one is on time; after a turn that took longer the next one follows at once."""
    due = time.monotonic()
    while True:
        started = time.monotonic()
        try:
            backup = make()
        except faults as error:
            report(error)
            if metrics:
                metrics.failed()
        else:
            if metrics:
                metrics.made(backup, time.monotonic() - started)
        now = time.monotonic()
        due = max(due + every_s, now)
        time.sleep(due - now)
