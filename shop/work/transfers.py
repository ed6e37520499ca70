"""Imports and exports, in turn: so many steps of each by a worker. A step that was not recorded is repeated by the next
worker, once the lease of this one is over."""

import time
from dataclasses import replace
from datetime import timedelta

import structlog

from exactly_once import Unavailable, WriteRequest
from shop.domain.errors import TransfersFull
from shop.domain.ports import Shop
from shop.domain.transfers import ClaimLost, Direction, Progress, Transfer, TransferStatus
from shop.services.import_pauses import ImportPaused
from shop.services.imports import LEASE, STEP_TIMEOUT_S, import_run
from shop.services.transfer_exports import export_run
from shop.services.transfer_rows import TransferFault
from shop.work.periodic import Task

#: Seconds between two looks for a transfer that is due.
POLL_S = 1.0
#: Steps of one transfer while others wait, seconds of a worker.
TURN_STEPS = 100
_TTL_S = 60
_LOG = structlog.get_logger()


def run(shop: Shop) -> bool:
    """Carry out the transfer that has been due for longest: to its end, to a pause or for TURN_STEPS. Return whether
    there was one.

    Raises: Unavailable."""
    # Before the claim: the lease is over no earlier than so long behind it.
    since = time.monotonic()
    held = shop.transfers.claim(_request(), LEASE).value
    if held is None:
        return False
    try:
        _carry_out(shop, held, since)
    except ImportPaused:
        _LOG.info("an import waits: events or deliveries do, or memory is short", transfer=held.id)
    except ClaimLost:
        _LOG.warning("a transfer is another worker's now, or was cancelled", transfer=held.id)
    return True


def _carry_out(shop: Shop, held: Transfer, since: float) -> None:
    status, error = TransferStatus.DONE, ""
    try:
        is_import = held.direction is Direction.IMPORT
        steps = import_run(shop=shop, held=held, since=since) if is_import else export_run(shop=shop, held=held)
        for number, at in enumerate(steps, start=1):
            held = at
            if number == TURN_STEPS:
                _give_back(shop, held)
                return
    except (Unavailable, ClaimLost, ImportPaused):
        raise
    except TransferFault as fault:
        status, error = TransferStatus.FAILED, f"{fault.code}: {fault}"
    except TransfersFull as full:
        status, error = TransferStatus.FAILED, f"transfers-full: {full}"
    except Exception as defect:
        # It would fail again and again. Its text may have what is in the data.
        _LOG.error("a transfer failed", transfer=held.id, error=type(defect).__name__)
        status, error = TransferStatus.FAILED, "internal: The server failed. Its log has the kind of the error."
    shop.transfers.finish(_request(), held, status, error, shop.clock.now())
    _LOG.info("transfer ended", transfer=held.id, direction=held.direction, kind=held.kind, status=status)


def _give_back(shop: Shop, held: Transfer) -> None:
    """Let any worker go on with it, behind the transfers that wait: by a step that does nothing and has no lease."""
    shop.transfers.advance(_request(), held, Progress(cursor=held.cursor), timedelta(0))


def _request() -> WriteRequest:
    return replace(WriteRequest.unique(STEP_TIMEOUT_S), ttl_s=_TTL_S)


TASK = Task(name="transfers", interval_s=POLL_S, run=run)
