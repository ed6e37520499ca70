"""Imports and exports in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.errors import NotFound, TooManyTransfers, TransfersFull, UploadLost
from shop.domain.events import EventType
from shop.domain.movements import MovementKind
from shop.domain.pages import Page, Position
from shop.domain.products import MAX_UNITS, Product
from shop.domain.transfers import (
    CHUNK_BYTES,
    MAX_CHUNK_BYTES,
    MAX_LISTED,
    MAX_ROW_ERRORS,
    MAX_STORED,
    MAX_STORED_BYTES,
    MAX_WITH_ERRORS,
    ClaimLost,
    Direction,
    Progress,
    RowError,
    StockRow,
    Transfer,
    TransferRepository,
    TransferStatus,
)
from tests.fakes.paging import page_of
from tests.fakes.products import moved
from tests.fakes.store import FakeStore


@dataclass
class FakeTransfers(TransferRepository):
    store: FakeStore
    transfers: dict[str, Transfer] = field(default_factory=dict)
    data: dict[str, dict[int, bytes]] = field(default_factory=dict)
    failures: dict[str, list[RowError]] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)
    due: dict[str, datetime] = field(default_factory=dict)
    has_little_memory: bool = False

    def __post_init__(self) -> None:
        self.store.drop_personal_exports = self._drop_personal_exports

    def _drop_personal_exports(self) -> None:
        for each in list(self.transfers.values()):
            if each.direction is Direction.EXPORT and each.kind != "products" and each.id in self.stored:
                self._drop(each.id)
                if not each.is_ended:
                    ended = {"status": TransferStatus.CANCELLED, "finished_at": _now(), "claim": ""}
                    self.transfers[each.id] = replace(each, **ended)

    def create(self, request: WriteRequest, transfer: Transfer) -> WriteResult[Transfer]:
        def effect() -> Transfer:
            if len(self.stored) >= MAX_STORED:
                raise TooManyTransfers
            self.transfers[transfer.id] = transfer
            self.stored.add(transfer.id)
            self._bound_list(transfer.direction)
            if transfer.status is TransferStatus.QUEUED:
                self.due[transfer.id] = _now()
            named = {"direction": str(transfer.direction), "kind": transfer.kind}
            self.store.note(f"transfer:{transfer.id}", *((name, None, value) for name, value in named.items()))
            return transfer

        return self.store.once(request, effect)

    def open(self, request: WriteRequest, id: str) -> WriteResult[Transfer]:
        def effect() -> Transfer:
            found = self._found(id)
            if found.status is TransferStatus.RECEIVING:
                self.data[id] = {}
                self.transfers[id] = replace(found, claim=request.id)
            return self.transfers[id]

        return self.store.once(request, effect)

    def give_up_place(self, request: WriteRequest, id: str, upload: str) -> WriteResult[Transfer]:
        def effect() -> Transfer:
            found = self._found(id)
            if found.status is TransferStatus.RECEIVING and found.claim == upload:
                self.data[id] = {}
                self.stored.discard(id)
                self.transfers[id] = replace(found, claim=request.id)
            return self.transfers[id]

        return self.store.once(request, effect)

    def append(self, request: WriteRequest, id: str, upload: str, number: int, chunk: bytes) -> WriteResult[None]:
        def effect() -> None:
            self._require_upload(id, upload)
            if number and id not in self.stored:
                raise UploadLost
            if id not in self.stored and len(self.stored) >= MAX_STORED:
                raise TransfersFull
            self._store_chunk(id, number, chunk)
            self.stored.add(id)

        return self.store.once(request, effect)

    def enqueue(self, request: WriteRequest, id: str, upload: str, size: int, sha256: str) -> WriteResult[Transfer]:
        def effect() -> Transfer:
            found = self._require_upload(id, upload)
            if id not in self.stored:
                raise UploadLost
            chunks = -(-size // CHUNK_BYTES)
            self.due[id] = _now()
            status = TransferStatus.QUEUED
            self.transfers[id] = replace(found, status=status, claim="", size=size, sha256=sha256, chunks=chunks)
            return self.transfers[id]

        return self.store.once(request, effect)

    def claim(self, request: WriteRequest, lease: timedelta) -> WriteResult[Transfer | None]:
        def effect() -> Transfer | None:
            due = sorted((at, id) for id, at in self.due.items() if at <= _now())
            if not due:
                return None
            id = due[0][1]
            found = self.transfers[id]
            self.due[id] = _now() + lease
            started_at = found.started_at or _now()
            status = TransferStatus.RUNNING
            self.transfers[id] = replace(found, status=status, claim=request.id, started_at=started_at)
            return self.transfers[id]

        return self.store.once(request, effect)

    def advance(self, request: WriteRequest, held: Transfer, progress: Progress, lease: timedelta) -> WriteResult[None]:
        def effect() -> None:
            found = self._require_claim(held)
            if progress.chunk:
                if held.id not in self.stored:
                    raise TransfersFull
                self._store_chunk(held.id, found.chunks, progress.chunk)
                size = found.size + len(progress.chunk)
                self.transfers[held.id] = replace(found, chunks=found.chunks + 1, size=size)
            self._step(held.id, progress, progress.done, progress.failed, progress.errors, lease)
            self.store.drop_records(progress.settled)

        return self.store.once(request, effect)

    def import_stock(
        self, request: WriteRequest, held: Transfer, progress: Progress, rows: Sequence[StockRow], lease: timedelta
    ) -> WriteResult[None]:
        def effect() -> None:
            self._require_claim(held)
            refused = [error for row in rows if (error := self._carry_out(held, row))]
            done, failed = progress.done + len(rows) - len(refused), progress.failed + len(refused)
            self._step(held.id, progress, done, failed, [*progress.errors, *refused], lease)

        return self.store.once(request, effect)

    def finish(
        self, request: WriteRequest, held: Transfer, status: TransferStatus, error: str, at: datetime
    ) -> WriteResult[None]:
        def effect() -> None:
            found = self._require_claim(held)
            self.transfers[held.id] = replace(found, status=status, error=error, finished_at=at, claim="")
            if held.direction is Direction.IMPORT or status is not TransferStatus.DONE:
                self._drop(held.id)
            self.due.pop(held.id, None)

        return self.store.once(request, effect)

    def cancel(self, request: WriteRequest, id: str, at: datetime) -> WriteResult[None]:
        def effect() -> None:
            found = self._found(id)
            if not found.is_ended:
                self.transfers[id] = replace(found, status=TransferStatus.CANCELLED, finished_at=at, claim="")
            self._drop(id)
            self.store.note(f"transfer:{id}")

        return self.store.once(request, effect)

    def get(self, direction: Direction, id: str) -> Transfer:
        with self.store.reading():
            found = self.transfers.get(id)
        if found is None or found.direction is not direction:
            raise NotFound(str(direction), id)
        return found

    def errors(self, id: str) -> Sequence[RowError]:
        with self.store.reading():
            return list(self.failures.get(id, ()))

    def chunk(self, id: str, number: int) -> bytes | None:
        with self.store.reading():
            return self.data.get(id, {}).get(number)

    def is_memory_short(self) -> bool:
        return self.has_little_memory

    def page(self, direction: Direction, size: int, position: Position | None) -> Page[Transfer]:
        with self.store.reading():
            found = [each for each in self.transfers.values() if each.direction is direction]
            return page_of(found, lambda each: (each.id,), descending=True, size=size, position=position)

    def _found(self, id: str) -> Transfer:
        if id not in self.transfers:
            raise NotFound("transfer", id)
        return self.transfers[id]

    def _require_upload(self, id: str, upload: str) -> Transfer:
        found = self.transfers.get(id)
        if found is None or found.status is not TransferStatus.RECEIVING or found.claim != upload:
            raise UploadLost
        return found

    def _require_claim(self, held: Transfer) -> Transfer:
        found = self.transfers[held.id]
        if (found.status, found.claim, found.step) != (TransferStatus.RUNNING, held.claim, held.step):
            raise ClaimLost
        return found

    def _store_chunk(self, id: str, number: int, chunk: bytes) -> None:
        if len(chunk) > MAX_CHUNK_BYTES:
            raise ValueError(f"A chunk has at most {MAX_CHUNK_BYTES} bytes.")
        total = sum(len(each) for chunks in self.data.values() for each in chunks.values())
        if self.has_little_memory or total + len(chunk) > MAX_STORED_BYTES:
            raise TransfersFull
        self.data.setdefault(id, {})[number] = chunk

    def _step(
        self, id: str, progress: Progress, done: int, failed: int, errors: Sequence[RowError], lease: timedelta
    ) -> None:
        found = self.transfers[id]
        self.transfers[id] = replace(
            found,
            step=found.step + 1,
            cursor=progress.cursor,
            rows_done=found.rows_done + done,
            rows_failed=found.rows_failed + failed,
        )
        self.failures[id] = [*self.failures.get(id, ()), *errors][:MAX_ROW_ERRORS]
        self.due[id] = _now() + lease

    def _bound_list(self, direction: Direction) -> None:
        ids = sorted(each.id for each in self.transfers.values() if each.direction is direction)
        for id in ids[:-MAX_WITH_ERRORS]:
            self.failures.pop(id, None)
        ended = [id for id in ids if id not in self.stored and id not in self.due]
        for id in ended[: max(len(ids) - MAX_LISTED, 0)]:
            del self.transfers[id]

    def _drop(self, id: str) -> None:
        self.data.pop(id, None)
        self.stored.discard(id)
        self.due.pop(id, None)

    def _carry_out(self, held: Transfer, row: StockRow) -> RowError | None:
        product = next((each for each in self.store.products.values() if each.sku == row.sku), None)
        if product is None:
            return RowError(row=row.row, column="sku", code="unknown-sku", detail="No product has this SKU.")
        delta = row.units if row.is_delta else row.units - product.stock
        fault = self._fault(product, delta)
        if fault:
            return RowError(row=row.row, column="delta" if row.is_delta else "stock", code=fault[0], detail=fault[1])
        if delta:
            kind = MovementKind.ADJUSTMENT
            self.store.products[product.id] = moved(self.store, product, delta, kind, held.id, held.by)
            data = {"stock": product.stock + delta, "delta": delta}
            self.store.emit(EventType.PRODUCT_STOCK_ADJUSTED, product.id, data)
        return None

    def _fault(self, product: Product, delta: int) -> tuple[str, str] | None:
        available = product.stock - self.store.held(product.id)
        if delta < 0 and available + delta < 0:
            return "insufficient-stock", f"Only {max(available, 0)} units are available."
        if product.stock + delta > MAX_UNITS:
            return "stock-too-large", f"A stock may be at most {MAX_UNITS}."
        return None


def _now() -> datetime:
    return datetime.now(UTC)
