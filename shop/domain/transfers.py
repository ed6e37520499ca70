"""Transfers: imports and exports of many rows, which workers carry out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.pages import Page, Position

#: What is sent and stored at once.
CHUNK_BYTES = 256 * 1024
#: What one step of an export has at most, several times what twenty purchases of a hundred lines are.
MAX_CHUNK_BYTES = 8 * 1024 * 1024
#: Of an import, and of the result of an export.
MAX_TRANSFER_BYTES = 100_000_000
#: Transfers whose data is stored, and the bytes of all of them, compressed as they are.
MAX_STORED, MAX_STORED_BYTES = 6, 200_000_000
#: Errors of rows that are stored, and bytes of one row.
MAX_ROW_ERRORS, MAX_ROW_BYTES = 1_000, 64 * 1024
#: Imports, and exports, that are listed; and the newest of them, whose errors of rows are stored: some 300 kB each.
MAX_LISTED, MAX_WITH_ERRORS = 1_000, 50
#: Rows that one step takes.
MAX_STEP_ROWS = 50
#: How long an upload may pause, data may wait for a worker, a result is stored, and the record of a transfer is.
UPLOAD_TTL, QUEUE_TTL = timedelta(hours=1), timedelta(days=7)
RESULT_TTL, RECORD_TTL = timedelta(hours=24), timedelta(days=30)


class Direction(StrEnum):
    """Into the shop or out of it."""

    IMPORT = "import"
    EXPORT = "export"


class TransferStatus(StrEnum):
    """An upload is received, waits, is carried out, and ends in one of three ways."""

    RECEIVING = "receiving"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TransferFormat(StrEnum):
    """How rows are written."""

    CSV = "csv"
    NDJSON = "ndjson"


class ImportKind(StrEnum):
    """What can be imported."""

    PRODUCTS = "products"
    STOCK = "stock"


class ExportKind(StrEnum):
    """What can be exported."""

    PRODUCTS = "products"
    PURCHASES = "purchases"
    USERS = "users"


@dataclass(frozen=True, kw_only=True, slots=True)
class RowError:
    """Why a row was refused. Rows count from 1, the header not being one; `column` is empty where it is the row."""

    row: int
    column: str
    code: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """An import or an export. `size` is in bytes, `cursor` says how far it is: for an import bytes, for an export a
    position. `step` counts what was done of it, `chunks` what is stored, and `claim` names the worker that has it."""

    id: str
    direction: Direction
    kind: str
    format: TransferFormat
    status: TransferStatus
    by: str
    since: datetime | None
    until: datetime | None
    size: int
    sha256: str
    cursor: str
    chunks: int
    step: int
    rows_done: int
    rows_failed: int
    error: str
    claim: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def is_ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.status in (TransferStatus.DONE, TransferStatus.FAILED, TransferStatus.CANCELLED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What one step of a transfer comes to: rows that were done or refused, and where the next one begins. `chunk` is
    appended to the result of an export. `settled` are the idempotency keys of writes that the step has made: their
    recorded outcomes are dropped with it."""

    cursor: str
    done: int = 0
    failed: int = 0
    errors: Sequence[RowError] = ()
    chunk: bytes = b""
    settled: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class StockRow:
    """A row of an import of stock: the units that there are to be, or with `is_delta` those to add."""

    row: int
    sku: str
    units: int
    is_delta: bool


class ClaimLost(Exception):
    """Another worker has the transfer, or it was cancelled: the step is not recorded. No request gets this."""


class TransferRepository(Protocol):
    """Transfers, their data and their errors. Writes as in UserRepository."""

    def create(self, request: WriteRequest, transfer: Transfer) -> WriteResult[Transfer]:
        """Raises: TooManyTransfers."""
        ...

    def open(self, request: WriteRequest, id: str) -> WriteResult[Transfer]:
        """Begin the upload anew; `request.id` names it. Return the transfer as it is: where it is not being received
        any more, nothing is done.

        Raises: NotFound."""
        ...

    def give_up_place(self, request: WriteRequest, id: str, upload: str) -> WriteResult[Transfer]:
        """End an upload that was refused, unless another one has begun: its data is dropped, and its place among the
        MAX_STORED is free until the first chunk of the next one.

        Raises: NotFound."""
        ...

    def append(self, request: WriteRequest, id: str, upload: str, number: int, chunk: bytes) -> WriteResult[None]:
        """Store a chunk.

        Raises: UploadLost, where another upload of it was begun or it was cancelled; TransfersFull."""
        ...

    def enqueue(self, request: WriteRequest, id: str, upload: str, size: int, sha256: str) -> WriteResult[Transfer]:
        """End an upload of so many bytes: a worker may begin.

        Raises: UploadLost."""
        ...

    def claim(self, request: WriteRequest, lease: timedelta) -> WriteResult[Transfer | None]:
        """Claim the transfer that has been due for longest; None where none is due. No other worker gets it until the
        lease is over, which every step begins anew."""
        ...

    def advance(self, request: WriteRequest, held: Transfer, progress: Progress, lease: timedelta) -> WriteResult[None]:
        """Record a step of the transfer as it is held.

        Raises: ClaimLost; TransfersFull."""
        ...

    def import_stock(
        self, request: WriteRequest, held: Transfer, progress: Progress, rows: Sequence[StockRow], lease: timedelta
    ) -> WriteResult[None]:
        """Set or change stock, and record the step in the same write: so each row takes effect once. The rows are
        counted beside those of `progress`; those that cannot be carried out become errors.

        Raises: ClaimLost."""
        ...

    def finish(
        self, request: WriteRequest, held: Transfer, status: TransferStatus, error: str, at: datetime
    ) -> WriteResult[None]:
        """End the transfer. The data of an import is dropped; the result of an export stays for RESULT_TTL.

        Raises: ClaimLost."""
        ...

    def cancel(self, request: WriteRequest, id: str, at: datetime) -> WriteResult[None]:
        """Cancel the transfer, where it has not ended, and drop its data in any case.

        Raises: NotFound."""
        ...

    def get(self, direction: Direction, id: str) -> Transfer:
        """Raises: NotFound."""
        ...

    def errors(self, id: str) -> Sequence[RowError]:
        """List the first errors of rows, MAX_ROW_ERRORS at most. Those of all but the MAX_WITH_ERRORS newest imports
        are dropped."""
        ...

    def chunk(self, id: str, number: int) -> bytes | None:
        """Return a chunk of the data, counted from 0; None where there is no such one."""
        ...

    def is_memory_short(self) -> bool:
        """Whether the store has no memory for imports and exports, though it has some still for all else."""
        ...

    def page(self, direction: Direction, size: int, position: Position | None) -> Page[Transfer]:
        """List transfers, newest first. A page may have fewer than `size` and a next one still."""
        ...
