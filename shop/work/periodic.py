"""What the worker does at a time rather than on an event: each in a thread of its own, for as long as the process
lives. What one of them does must be safe to be done by several workers at once."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import structlog

from exactly_once import Unavailable
from shop.domain.ports import Shop

_LOG = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """`run` does a bounded part of it, and returns whether there is more to do at once."""

    name: str
    interval_s: float
    run: Callable[[Shop], bool]


def start(tasks: Sequence[Task], get_shop: Callable[[], Shop]) -> Sequence[threading.Thread]:
    """Run each task again and again."""
    threads = [threading.Thread(target=_repeat, args=(task, get_shop), name=task.name, daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    return threads


def pursue(task: Task, get_shop: Callable[[], Shop]) -> bool:
    """Run a task once. Return whether there is more to do at once: not where the store does not answer."""
    try:
        return task.run(get_shop())
    except Unavailable:
        return False
    except Exception:
        _LOG.exception("a task of the worker failed", task=task.name)
        return False


def _repeat(task: Task, get_shop: Callable[[], Shop]) -> NoReturn:
    while True:
        if not pursue(task, get_shop):
            # Not all workers at the same instant.
            time.sleep(task.interval_s * random.uniform(0.5, 1.5))
