"""Use cases of imports from the side of who sends them: the upload, and what came of it."""

import codecs
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from exactly_once.errors import IdempotencyKeyReused, Unavailable
from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.errors import FieldError, Invalid, NotFound, TransfersFull, UploadLost
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.transfers import (
    CHUNK_BYTES,
    Direction,
    ImportKind,
    RowError,
    Transfer,
    TransferFormat,
    TransferStatus,
)
from shop.services.import_values import COLUMNS
from shop.services.transfer_rows import TransferFault, check_header

#: Seconds that a chunk may take, and how often it is sent to a store that does not answer: a failover is over by then.
CHUNK_TIMEOUT_S, MAX_CHUNK_ATTEMPTS, CHUNK_TTL_S = 10.0, 3, 60


class UploadCutShort(Exception):
    """The body has fewer bytes than it was to have."""


def import_create(
    *, shop: Shop, request: WriteRequest, kind: ImportKind, format: TransferFormat, by: str
) -> WriteResult[Transfer]:
    """Create an import, whose data is to be received. A repeat returns the same one. Raises: TooManyTransfers."""
    return shop.transfers.create(request, new_transfer(shop, Direction.IMPORT, kind, format, by))


def new_transfer(shop: Shop, direction: Direction, kind: str, format: TransferFormat, by: str) -> Transfer:
    """A transfer of which nothing is done yet."""
    now = shop.clock.now()
    return Transfer(
        id=shop.ids.new(now),
        direction=direction,
        kind=kind,
        format=format,
        status=TransferStatus.RECEIVING if direction is Direction.IMPORT else TransferStatus.QUEUED,
        by=by,
        since=None,
        until=None,
        size=0,
        sha256="",
        cursor="",
        chunks=0,
        step=0,
        rows_done=0,
        rows_failed=0,
        error="",
        claim="",
        created_at=now,
        started_at=None,
        finished_at=None,
    )


def import_receive(
    *, shop: Shop, id: str, read: Callable[[int], bytes], size: int, may_repeat: bool = True
) -> Transfer:
    """Receive the data of an import, of so many bytes, and leave it to the workers. Where it was received before, it is
    read and compared alone. With `may_repeat` it may be sent again after any fault but Invalid; without, the import is
    cancelled.

    Raises:
        Invalid: it is empty, is not UTF-8, or its header is wrong. The import is cancelled.
        UploadCutShort: it ended before.
        UploadLost, TransfersFull, NotFound.
        IdempotencyKeyReused: other data was received before.
    """
    opened = shop.transfers.open(_request(), id).value
    if opened.status is not TransferStatus.RECEIVING:
        return _compared(opened, read, size)
    try:
        received, sha256 = _read(opened, read, size, partial(_append, shop, opened))
    except UploadLost:
        # It is another request's now, or has ended.
        raise
    except Exception as fault:
        _drop(shop, opened, fault, may_repeat=may_repeat)
        raise
    return shop.transfers.enqueue(_request(), id, opened.claim, received, sha256).value


def _compared(before: Transfer, read: Callable[[int], bytes], size: int) -> Transfer:
    """The import that was received before, where it is of the data that is read."""
    if not before.sha256:
        # It was cancelled before its data was there: there is nothing to compare with.
        raise UploadLost
    if _read(before, read, size, lambda number, chunk: None)[1] != before.sha256:
        raise IdempotencyKeyReused("The idempotency key belongs to an import of other data.")
    return before


def _read(
    transfer: Transfer, read: Callable[[int], bytes], size: int, take: Callable[[int, bytes], None]
) -> tuple[int, str]:
    """Give each chunk with its number to `take`. Return how many bytes were read, and their SHA-256."""
    digest, received = hashlib.sha256(), 0
    for number, chunk in enumerate(_checked(_chunks(read), transfer)):
        digest.update(chunk)
        received += len(chunk)
        take(number, chunk)
    if received < size:
        raise UploadCutShort
    return received, digest.hexdigest()


def _drop(shop: Shop, opened: Transfer, fault: Exception, *, may_repeat: bool) -> None:
    """Drop what an upload has stored and give up its place, where there is no room for it; where no other one follows
    it, cancel the import."""
    # Where the store does not answer, the data expires.
    with suppress(Unavailable, NotFound):
        if isinstance(fault, Invalid) or not may_repeat:
            shop.transfers.cancel(_request(), opened.id, shop.clock.now())
        elif isinstance(fault, TransfersFull):
            shop.transfers.give_up_place(_request(), opened.id, opened.claim)


def import_get(*, shop: Shop, id: str) -> Transfer:
    """Get an import. Raises: NotFound."""
    return shop.transfers.get(Direction.IMPORT, id)


def import_errors(*, shop: Shop, id: str) -> Sequence[RowError]:
    """List the first errors of rows."""
    return shop.transfers.errors(id)


def import_list(*, shop: Shop, size: int, position: Position | None) -> Page[Transfer]:
    """List imports, newest first."""
    return shop.transfers.page(Direction.IMPORT, size, position)


def import_cancel(*, shop: Shop, request: WriteRequest, id: str) -> WriteResult[None]:
    """Cancel an import: the rows that were carried out stay as they are. Raises: NotFound."""
    shop.transfers.get(Direction.IMPORT, id)
    return shop.transfers.cancel(request, id, shop.clock.now())


def _chunks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """What is read, in chunks of CHUNK_BYTES but the last one."""
    gathered = bytearray()
    # Bound: what is read, which the caller bounds.
    while part := read(CHUNK_BYTES - len(gathered)):
        gathered += part
        if len(gathered) == CHUNK_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _checked(chunks: Iterator[bytes], transfer: Transfer) -> Iterator[bytes]:
    """The chunks, of which the first begins with a header where there is to be one, all of them in UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    received = 0
    for chunk in chunks:
        try:
            decoder.decode(chunk)
            if not received:
                check_header(chunk, transfer.format, COLUMNS[transfer.kind])
        except UnicodeDecodeError:
            detail = f"Encode the data as UTF-8: what begins at byte {received} is not."
            raise Invalid(FieldError("", "not-utf-8", detail)) from None
        except TransferFault as fault:
            raise Invalid(FieldError("", fault.code, str(fault))) from None
        received += len(chunk)
        yield chunk
    if not received:
        raise Invalid(FieldError("", "required", "Send the data as the body, with its Content-Length."))


def _append(shop: Shop, opened: Transfer, number: int, chunk: bytes) -> None:
    request = _request()
    for left in reversed(range(MAX_CHUNK_ATTEMPTS)):
        try:
            shop.transfers.append(request, opened.id, opened.claim, number, chunk)
        except Unavailable:
            if not left:
                raise
            request = replace(request, deadline=time.monotonic() + CHUNK_TIMEOUT_S)
        else:
            return


def _request() -> WriteRequest:
    return WriteRequest.unique(CHUNK_TIMEOUT_S, CHUNK_TTL_S)
