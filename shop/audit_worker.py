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
from exactly_once.journal import Head
from shop import telemetry
from shop.repositories.journal import RedisJournal

#: Seconds between two looks of a process, and the least time between two checkpoints: what is behind the last one can
#: be cut off or reordered by an account that can write to the store, and no check finds it.
POLL_S, CHECKPOINT_INTERVAL = 60.0, timedelta(minutes=5)
WRITE_TIMEOUT_S = 5.0

_LOG = structlog.get_logger()


class Signer:
    """Signs the journal, and remembers the last checkpoint that it appended: it is acknowledged, so the journal must
    have it for ever after."""

    def __init__(self, get_journal: Callable[[], RedisJournal]) -> None:
        self._get_journal = get_journal
        self._known: Head | None = None

    def sign(self) -> None:
        """Check the end of the journal and append a checkpoint, where one is due or a known one is gone. A store that
        does not answer ends it."""
        try:
            self._sign(self._get_journal())
        except Unavailable:
            return
        except Exception:
            _LOG.exception("no checkpoint of the audit was appended")

    def _sign(self, journal: RedisJournal) -> None:
        latest = journal.latest_checkpoint()
        signed = latest[0].sequence if latest else 0
        is_gone = self._known is not None and signed < self._known.sequence
        if is_gone or journal.is_checkpoint_due(CHECKPOINT_INTERVAL):
            signed = self._append(journal).sequence
        telemetry.audit_counted(journal.head().sequence, journal.count(), signed)

    def _append(self, journal: RedisJournal) -> Head:
        found = journal.check_end(self._known).break_found
        if found:
            telemetry.audit_broken()
            _LOG.error("the audit was tampered with", sequence=found.sequence, kind=found.kind, detail=found.detail)
        self._known = journal.append_checkpoint(WriteRequest.unique(WRITE_TIMEOUT_S), found)
        # Outside the store: `manage.py audit verify --known` compares it with the journal.
        _LOG.info("audit checkpoint", sequence=self._known.sequence, link=self._known.link)
        return self._known


def start(get_journal: Callable[[], RedisJournal]) -> threading.Thread:
    """Append checkpoints in a thread of its own, for as long as the process lives."""
    thread = threading.Thread(target=_run, args=(Signer(get_journal),), name="audit", daemon=True)
    thread.start()
    return thread


def _run(signer: Signer) -> NoReturn:
    while True:
        # Not all processes at the same instant: the first one appends, and the others find that done.
        time.sleep(POLL_S * random.uniform(0.5, 1.5))
        signer.sign()
