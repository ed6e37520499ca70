"""Imports and exports in Redis: a hash for each, its data in chunks, and what is due."""

import base64
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain

import orjson

from exactly_once import Store, WriteRequest, WriteResult
from exactly_once.declarations import Value
from shop.domain.errors import NotFound
from shop.domain.pages import Page, Position
from shop.domain.products import MAX_UNITS
from shop.domain.transfers import (
    CHUNK_BYTES,
    MAX_CHUNK_BYTES,
    MAX_LISTED,
    MAX_STORED,
    MAX_STORED_BYTES,
    MAX_WITH_ERRORS,
    QUEUE_TTL,
    RECORD_TTL,
    RESULT_TTL,
    UPLOAD_TTL,
    Direction,
    Progress,
    RowError,
    StockRow,
    Transfer,
    TransferRepository,
    TransferStatus,
)
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window
from shop.repositories.transfer_writes import (
    ADVANCE,
    APPEND,
    CANCEL,
    CLAIM,
    CREATE,
    ENQUEUE,
    FINISH,
    IMPORT_STOCK,
    OPEN,
    NoneDue,
)

_MILLISECOND = timedelta(milliseconds=1)
#: Until an upload is complete, its record lasts as long.
_RECEIVING_TTL = timedelta(days=1)


class RedisTransferRepository(TransferRepository):
    """Stores chunks compressed, and as base64: a script's arguments are text."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def create(self, request: WriteRequest, transfer: Transfer) -> WriteResult[Transfer]:
        is_due = transfer.status is TransferStatus.QUEUED
        args: dict[str, Value] = {
            "id": transfer.id,
            "fields": records.TRANSFER.creation(transfer, stored_bytes=0),
            # The ids of one millisecond share their beginning, and those of earlier ones sort before it.
            "oldest": f"{records.milliseconds(transfer.created_at - RECORD_TTL - _RECEIVING_TTL):012x}"[:8],
            "max_stored": MAX_STORED,
            "record_ttl_s": _seconds(RECORD_TTL if is_due else _RECEIVING_TTL),
            "data_ttl_ms": _milliseconds(QUEUE_TTL if is_due else UPLOAD_TTL),
            "is_due": int(is_due),
            "transfer_prefix": self._keys.transfer_prefix,
            "max_listed": MAX_LISTED,
            "max_with_errors": MAX_WITH_ERRORS,
        }
        keys = {**self._named(transfer.id, "transfer"), "transfers": self._keys.transfers(transfer.direction)}
        changes = [("direction", None, str(transfer.direction)), ("kind", None, transfer.kind)]
        call = CREATE.call(request, keys={**keys, **self._shared()}, args=args, about=transfer.id, changes=changes)
        return self._store.write(call)

    def open(self, request: WriteRequest, id: str) -> WriteResult[Transfer]:
        return self._open(request, id, "")

    def give_up_place(self, request: WriteRequest, id: str, upload: str) -> WriteResult[Transfer]:
        return self._open(request, id, upload)

    def _open(self, request: WriteRequest, id: str, refused: str) -> WriteResult[Transfer]:
        keys = {**self._named(id, "transfer", "data"), "stored": self._keys.transfers_stored}
        return self._store.write(OPEN.call(request, keys=keys, args={"id": id, "refused": refused}, about=id))

    def append(self, request: WriteRequest, id: str, upload: str, number: int, chunk: bytes) -> WriteResult[None]:
        args: dict[str, Value] = {
            "id": id,
            "upload": upload,
            "number": number,
            "chunk": _packed(chunk),
            "data_ttl_ms": _milliseconds(UPLOAD_TTL),
            **self._bytes_args(),
        }
        keys = {**self._named(id, "transfer", "data"), "stored": self._keys.transfers_stored}
        return self._store.write(APPEND.call(request, keys=keys, args=args, about=id))

    def enqueue(self, request: WriteRequest, id: str, upload: str, size: int, sha256: str) -> WriteResult[Transfer]:
        args: dict[str, Value] = {
            "id": id,
            "upload": upload,
            "fields": _flat({"size": size, "sha256": sha256, "chunks": -(-size // CHUNK_BYTES)}),
            "record_ttl_s": _seconds(RECORD_TTL),
            "data_ttl_ms": _milliseconds(QUEUE_TTL),
        }
        keys = {**self._named(id, "transfer", "data"), **self._shared()}
        return self._store.write(ENQUEUE.call(request, keys=keys, args=args, about=id))

    def claim(self, request: WriteRequest, lease: timedelta) -> WriteResult[Transfer | None]:
        if not self._store.read(("ZCARD", self._keys.transfers_due)):
            # Each run of a script that writes advances the revision: a shop without transfers writes nothing.
            return WriteResult(value=None, origin_request_id=request.id)
        args: dict[str, Value] = {"lease_ms": _milliseconds(lease), "transfer_prefix": self._keys.transfer_prefix}
        try:
            return self._store.write(CLAIM.call(request, keys=self._shared(), args=args))
        except NoneDue:
            return WriteResult(value=None, origin_request_id=request.id)

    def advance(self, request: WriteRequest, held: Transfer, progress: Progress, lease: timedelta) -> WriteResult[None]:
        size = {"size": held.size + len(progress.chunk), "chunks": held.chunks + 1} if progress.chunk else {}
        args: dict[str, Value] = {
            **_step(held, progress, lease, size),
            "settled": orjson.dumps([self._keys.request(key) for key in progress.settled]).decode(),
            "chunk": _packed(progress.chunk) if progress.chunk else "",
            "number": held.chunks,
            **self._bytes_args(),
        }
        keys = {**self._named(held.id, "transfer", "errors", "data"), **self._shared()}
        return self._store.write(ADVANCE.call(request, keys=keys, args=args, about=held.id))

    def import_stock(
        self, request: WriteRequest, held: Transfer, progress: Progress, rows: Sequence[StockRow], lease: timedelta
    ) -> WriteResult[None]:
        listed = [[row.row, row.sku, "delta" if row.is_delta else "stock", row.units] for row in rows]
        args: dict[str, Value] = {
            **_step(held, progress, lease, {}),
            "rows": orjson.dumps(listed).decode(),
            "max_stock": MAX_UNITS,
            "by": held.by,
            "product_prefix": self._keys.product_prefix,
            "movements_prefix": self._keys.movements_prefix,
            "holds_prefix": self._keys.holds_prefix,
        }
        catalogue = {"skus": self._keys.skus, "in_stock": self._keys.in_stock, "sold_out": self._keys.sold_out}
        keys = {**self._named(held.id, "transfer", "errors", "data"), **self._shared(), **catalogue}
        return self._store.write(IMPORT_STOCK.call(request, keys=keys, args=args, about=held.id))

    def finish(
        self, request: WriteRequest, held: Transfer, status: TransferStatus, error: str, at: datetime
    ) -> WriteResult[None]:
        has_result = held.direction is Direction.EXPORT and status is TransferStatus.DONE
        args: dict[str, Value] = {
            "id": held.id,
            "claim": held.claim,
            "step": held.step,
            "status": status,
            "error": error,
            "at": records.milliseconds(at),
            "data_ttl_ms": _milliseconds(RESULT_TTL) if has_result else 0,
        }
        keys = {**self._named(held.id, "transfer", "data"), **self._shared()}
        return self._store.write(FINISH.call(request, keys=keys, args=args, about=held.id))

    def cancel(self, request: WriteRequest, id: str, at: datetime) -> WriteResult[None]:
        args: dict[str, Value] = {"id": id, "at": records.milliseconds(at)}
        keys = {**self._named(id, "transfer", "data"), **self._shared()}
        return self._store.write(CANCEL.call(request, keys=keys, args=args, about=id))

    def get(self, direction: Direction, id: str) -> Transfer:
        flat = self._store.read(("HGETALL", self._keys.transfer(id)))
        found = records.TRANSFER.read_flat(flat) if flat else None
        if found is None or found.direction is not direction:
            raise NotFound(str(direction), id)
        return found

    def errors(self, id: str) -> Sequence[RowError]:
        stored = records.pairs(self._store.read(("HGETALL", self._keys.transfer_errors(id))))
        return [RowError(**orjson.loads(stored[number])) for number in sorted(stored, key=int)]

    def chunk(self, id: str, number: int) -> bytes | None:
        packed = self._store.read(("HGET", self._keys.transfer_data(id), number))
        return None if packed is None else _unpacked(packed)

    def is_memory_short(self) -> bool:
        return bool(self._store.read_script("transfer_memory", keys={}, args={}))

    def page(self, direction: Direction, size: int, position: Position | None) -> Page[Transfer]:
        window = Window(size=size, position=position, descending=True)
        args = {**window.args(), "transfer_prefix": self._keys.transfer_prefix}
        keys = {"transfers": self._keys.transfers(direction)}
        listed = self._store.read_script("transfer_page", keys=keys, args=args)
        # One more than a page was asked for; records that have expired leave the page shorter.
        found = [(id, records.TRANSFER.read_flat(flat)) for id, flat in listed if flat]
        is_cut = len(listed) > size
        return window.page(found[:size], is_cut=is_cut) if len(found) < len(listed) else window.page(found)

    def _named(self, id: str, *names: str) -> dict[str, str]:
        keys = self._keys
        every = {
            "transfer": keys.transfer(id),
            "data": keys.transfer_data(id),
            "errors": keys.transfer_errors(id),
        }
        return {name: every[name] for name in names}

    def _shared(self) -> dict[str, str]:
        return {"due": self._keys.transfers_due, "stored": self._keys.transfers_stored}

    def _bytes_args(self) -> dict[str, Value]:
        return {
            "transfer_prefix": self._keys.transfer_prefix,
            "max_stored": MAX_STORED,
            "max_stored_bytes": MAX_STORED_BYTES,
        }


def _step(held: Transfer, progress: Progress, lease: timedelta, more: Mapping[str, int]) -> dict[str, Value]:
    failures = [
        {"row": each.row, "column": each.column, "code": each.code, "detail": each.detail} for each in progress.errors
    ]
    return {
        "id": held.id,
        "claim": held.claim,
        "step": held.step,
        # The cursor first: by it the store sees whether the transfer has come further.
        "fields": _flat({"cursor": progress.cursor, **more}),
        "done": progress.done,
        "failed": progress.failed,
        "failures": orjson.dumps(failures).decode(),
        "lease_ms": _milliseconds(lease),
        "data_ttl_ms": _milliseconds(QUEUE_TTL),
    }


def _packed(chunk: bytes) -> str:
    if len(chunk) > MAX_CHUNK_BYTES:
        # It would be read in part.
        raise ValueError(f"A chunk has at most {MAX_CHUNK_BYTES} bytes.")
    return base64.b64encode(zlib.compress(chunk, 1)).decode()


def _unpacked(packed: str) -> bytes:
    # No more than may have been stored, whatever is there.
    reader = zlib.decompressobj()
    chunk = reader.decompress(base64.b64decode(packed), MAX_CHUNK_BYTES)
    if not reader.eof:
        raise ValueError("A stored chunk is too long, or has no end.")
    return chunk


def _flat(texts: Mapping[str, Value]) -> str:
    return orjson.dumps([*map(str, chain.from_iterable(texts.items()))]).decode()


def _milliseconds(span: timedelta) -> int:
    return span // _MILLISECOND


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
