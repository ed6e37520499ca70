"""Checkpoints of the audit are appended in the background, by every process of the API; each checks first what was
appended since the one before."""

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

import structlog

from exactly_once import Unavailable, WriteRequest
from exactly_once.journal_chain import ChainBreak
from shop import telemetry
from shop.repositories.journal import RedisJournal

#: Seconds between two looks of a process, and the least time between two checkpoints: what is behind the last one can
#: be cut off or reordered by an account that can write to the store, and no check finds it.
POLL_S, CHECKPOINT_INTERVAL = 60.0, timedelta(minutes=5)
WRITE_TIMEOUT_S = 5.0

_LOG = structlog.get_logger()


def start(get_journal: Callable[[], RedisJournal]) -> threading.Thread:
    """Append checkpoints in a thread of its own, for as long as the process lives."""
    thread = threading.Thread(target=_run, args=(get_journal,), name="audit", daemon=True)
    thread.start()
    return thread


def _run(get_journal: Callable[[], RedisJournal]) -> NoReturn:
    while True:
        # Not all processes at the same instant: the first one appends, and the others find that done.
        time.sleep(POLL_S * random.uniform(0.5, 1.5))
        sign(get_journal)


def sign(get_journal: Callable[[], RedisJournal]) -> None:
    """Check the end of the journal and append a checkpoint, where one is due. A store that does not answer ends it."""
    try:
        journal = get_journal()
        if journal.is_checkpoint_due(CHECKPOINT_INTERVAL):
            _sign(journal)
        latest = journal.latest_checkpoint()
        signed = latest[0].sequence if latest else 0
        telemetry.audit_counted(journal.head().sequence, journal.count(), signed)
    except Unavailable:
        return
    except Exception:
        _LOG.exception("no checkpoint of the audit was appended")


def _sign(journal: RedisJournal) -> None:
    found = journal.check_end()
    if found.break_found:
        _report(found.break_found)
    journal.append_checkpoint(WriteRequest.unique(WRITE_TIMEOUT_S), found.break_found)
    head = journal.head()
    # Outside the store: `manage.py audit verify --known` compares it with the journal.
    _LOG.info("audit checkpoint", sequence=head.sequence, link=head.link)


def _report(found: ChainBreak) -> None:
    telemetry.audit_broken()
    _LOG.error("the audit was tampered with", sequence=found.sequence, kind=found.kind, detail=found.detail)
