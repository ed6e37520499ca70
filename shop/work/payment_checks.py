"""Payments that are open too long are resolved by asking their providers."""

import time

import structlog

from shop.domain.ports import Shop
from shop.services.reconciliation import payments_check
from shop.work.periodic import Task

_LOG = structlog.get_logger()

#: Seconds between two looks for payments that are due, and before each question.
POLL_S, PAUSE_S = 10.0, 0.1


def run(shop: Shop) -> bool:
    """Take a round. Return whether more payments are due at once. Raises: Unavailable."""
    checked = payments_check(shop=shop, pause=lambda: time.sleep(PAUSE_S))
    for id, error in checked.failures.items():
        _LOG.error("a payment could not be checked", payment=id, exc_info=error)
    # A provider without an answer is asked again later.
    return not checked.is_complete and not checked.unanswered


TASK = Task(name="payments", interval_s=POLL_S, run=run)
