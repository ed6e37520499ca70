"""Use cases of imports from the side of who sends them: the upload, and what came of it."""

import codecs
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from exactly_once.errors import IdempotencyKeyReused, Unavailable
from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.errors import FieldError, Invalid, TransfersFull
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


def import_receive(*, shop: Shop, id: str, read: Callable[[int], bytes], size: int) -> Transfer:
    """Receive the data of an import, of so many bytes, and leave it to the workers. Where it was received before, it is
    read and compared alone.

    Raises:
        Invalid: it is empty, is not UTF-8, or its header is wrong. The import is cancelled.
        UploadCutShort: it ended before.
        UploadLost, TransfersFull, NotFound.
        IdempotencyKeyReused: other data was received before.
    """
    opened = shop.transfers.open(WriteRequest.unique(CHUNK_TIMEOUT_S, CHUNK_TTL_S), id).value
    is_open = opened.status is TransferStatus.RECEIVING
    digest, received = hashlib.sha256(), 0
    try:
        for number, chunk in enumerate(_checked(_chunks(read), opened)):
            digest.update(chunk)
            received += len(chunk)
            if is_open:
                _append(shop, opened, number, chunk)
        if received < size:
            raise UploadCutShort
    except (Invalid, TransfersFull):
        if is_open:
            shop.transfers.cancel(WriteRequest.unique(CHUNK_TIMEOUT_S, CHUNK_TTL_S), id, shop.clock.now())
        raise
    if is_open:
        request = WriteRequest.unique(CHUNK_TIMEOUT_S, CHUNK_TTL_S)
        return shop.transfers.enqueue(request, id, opened.claim, received, digest.hexdigest()).value
    if opened.sha256 != digest.hexdigest():
        raise IdempotencyKeyReused("The idempotency key belongs to an import of other data.")
    return opened


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
    request = WriteRequest.unique(CHUNK_TIMEOUT_S, CHUNK_TTL_S)
    for left in reversed(range(MAX_CHUNK_ATTEMPTS)):
        try:
            shop.transfers.append(request, opened.id, opened.claim, number, chunk)
        except Unavailable:
            if not left:
                raise
            request = replace(request, deadline=time.monotonic() + CHUNK_TIMEOUT_S)
        else:
            return
