"""When an import waits: what a shop sells goes before the files that it gets."""

from dataclasses import replace
from datetime import timedelta

from exactly_once.requests import WriteRequest
from shop.domain.ports import Shop
from shop.domain.transfers import Progress, Transfer
from shop.domain.webhooks import MAIL, Outlook, QueueState

#: Events that wait for the workers, and deliveries that wait in one queue, with which no step of an import adds more.
#: Both are below what is dropped: MAX_PENDING of a queue, and what the stream of events holds. A queue that is merely
#: long holds nothing up: its endpoint may be slow for days.
MAX_UNDISPATCHED, MAX_QUEUED = 2_000, 15_000
#: Seconds after which an endpoint that fails holds no import up any more: it may fail for days.
MAX_FAILING_S = 600
#: How long a paused import waits before a worker looks again.
PAUSE = timedelta(seconds=5)
TIMEOUT_S, TTL_S = 10.0, 60


class ImportPaused(Exception):
    """The import was given back, and is due again after PAUSE. Nothing of the step was done."""


def require_room(shop: Shop, held: Transfer) -> None:
    """Return where the shop can take a step of an import; else give the import back.

    Raises:
        ImportPaused, ClaimLost, Unavailable.
    """
    if has_room(shop):
        return
    # A step that does nothing: it ends the lease, and learns whether the import was cancelled.
    request = replace(WriteRequest.unique(TIMEOUT_S), ttl_s=TTL_S)
    shop.transfers.advance(request, held, Progress(cursor=held.cursor), PAUSE)
    raise ImportPaused


def has_room(shop: Shop) -> bool:
    """Whether the shop can take a step of an import. Raises: Unavailable."""
    return not shop.transfers.is_memory_short() and not _is_behind(shop.deliveries.outlook())


def _is_behind(outlook: Outlook) -> bool:
    """Whether so many events or deliveries wait that those of rows would push out others."""
    return outlook.undispatched > MAX_UNDISPATCHED or any(_is_full(outlook, queue) for queue in outlook.queues)


def _is_full(outlook: Outlook, queue: QueueState) -> bool:
    """Whether a queue that events of rows go to is; they are no mails, and a disabled endpoint gets none."""
    is_lost = outlook.age_s(queue.failing_since) > MAX_FAILING_S
    return queue.queue != MAIL and queue.is_enabled and queue.pending > MAX_QUEUED and not is_lost
