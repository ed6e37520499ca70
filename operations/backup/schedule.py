"""Backups one after the other."""

import time
from collections.abc import Callable

from operations.backup.targets import StoredBackup
from operations.backup.telemetry import ScheduleMetrics

#: After a turn that made no backup the next one follows sooner: a day without one is a long time.
RETRY_S = 300.0


def go_on(
    make: Callable[[], StoredBackup],
    every_s: float,
    metrics: ScheduleMetrics | None,
    report: Callable[[Exception], None],
    faults: tuple[type[Exception], ...],
) -> None:
    """Make a backup each so many seconds, until the process is ended. A turn that raises one of `faults` is reported,
    and the next one follows after RETRY_S at most; after a turn that took longer than the time between two the next
    one follows at once."""
    due = time.monotonic()
    while True:
        started, wait_s = time.monotonic(), every_s
        try:
            backup = make()
        except faults as error:
            report(error)
            wait_s = min(every_s, RETRY_S)
            if metrics:
                metrics.failed()
        else:
            if metrics:
                metrics.made(backup, time.monotonic() - started)
        now = time.monotonic()
        due = max(due + wait_s, now)
        time.sleep(due - now)
