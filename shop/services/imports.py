"""Use cases of imports: what a worker does with one."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from exactly_once.requests import WriteRequest
from shop.domain.errors import NotFound
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.transfers import MAX_STEP_ROWS, ClaimLost, ImportKind, Progress, RowError, StockRow, Transfer
from shop.services import import_values
from shop.services.import_pauses import require_room
from shop.services.transfer_rows import Row, TransferFault, read_rows, whole

#: How long a worker that has died holds an import up, and how long one step may take.
LEASE, STEP_TIMEOUT_S = timedelta(seconds=30), 10.0
#: Seconds from the beginning of a lease for which rows are written under it: a write may take its time behind that.
ROWS_S = LEASE.total_seconds() - STEP_TIMEOUT_S
#: Seconds for which the outcome of a row's write is recorded, unless its step is before: another worker repeats a step
#: after the lease.
ROW_TTL_S = 3600
#: Updates of products that are under way at once: they share an acknowledgement.
AT_ONCE = 8
_VERSION, _VARIANT = 7, 0b10
RowRequests = Callable[[int], WriteRequest]
#: A transfer as it is held, and the instant before its lease began, on the clock of time.monotonic().
Leased = tuple[Transfer, float]


def import_run(*, shop: Shop, held: Transfer, since: float) -> Iterator[Transfer]:
    """Carry an import out, from where it is: yield it as it is held after each step. It was claimed after `since`, on
    the clock of time.monotonic().

    Raises:
        TransferFault: the data cannot be read from some row on. Those before it have been carried out.
        ClaimLost: another worker has it or may have it, or it was cancelled.
        ImportPaused: the shop has no room for its rows now.
        Unavailable: the store does not answer. What was not recorded is repeated by the next worker.
    """
    begin, number = int(held.cursor or 0), held.rows_done + held.rows_failed
    columns = import_values.COLUMNS[held.kind]
    read = whole(partial(shop.transfers.chunk, held.id), held.chunks)
    rows = read_rows(read, held.format, columns, begin, number)
    step = _stock_step if held.kind == ImportKind.STOCK else _product_step
    for batch in batches(rows, may_repeat=held.kind == ImportKind.STOCK):
        require_room(shop, held)
        held, since = step(shop, held, batch, since)
        yield held


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of a step, none where it goes over empty lines alone, and the byte behind it."""

    rows: Sequence[Row]
    end: int


def batches(rows: Iterable[Row], *, may_repeat: bool) -> Iterator[Batch]:
    """The rows of each step, MAX_STEP_ROWS at most. Unless SKUs may repeat, none is twice in a step, so that rows take
    effect in their order.

    Raises (while it is read):
        TransferFault: as the rows do, behind the step of those before it.
    """
    batch: list[Row] = []
    skus: set[str] = set()
    try:
        for row in rows:
            sku = _sku(row)
            if batch and (row.is_gap or len(batch) == MAX_STEP_ROWS or (sku in skus and not may_repeat)):
                yield Batch(batch, batch[-1].end)
                batch, skus = [], set()
            if row.is_gap:
                yield Batch((), row.end)
                continue
            batch.append(row)
            if sku:
                skus.add(sku)
    except TransferFault:
        if batch:
            yield Batch(batch, batch[-1].end)
        raise
    if batch:
        yield Batch(batch, batch[-1].end)


def _sku(row: Row) -> str:
    sku = row.values.get("sku")
    return sku if isinstance(sku, str) else ""


def _stock_step(shop: Shop, held: Transfer, batch: Batch, _since: float) -> Leased:
    rows, errors = stock_rows(batch.rows)
    progress = Progress(cursor=str(batch.end), failed=_count(errors), errors=errors)
    now = time.monotonic()
    shop.transfers.import_stock(step_request(), held, progress, rows, LEASE)
    # How many of the rows were refused is known to the store alone; all of them have been read.
    return replace(held, step=held.step + 1, cursor=progress.cursor), now


def stock_rows(batch: Sequence[Row]) -> tuple[Sequence[StockRow], Sequence[RowError]]:
    """Return the rows of stock that can be carried out, and what is wrong with the others."""
    rows: list[StockRow] = []
    errors: list[RowError] = []
    for row in batch:
        found = import_values.stock_row(row)
        if isinstance(found, StockRow):
            rows.append(found)
        else:
            errors += found
    return rows, errors


def _product_step(shop: Shop, held: Transfer, batch: Batch, since: float) -> Leased:
    requests = row_requests(held.id, held.by, ROW_TTL_S, since + ROWS_S)
    errors = products_put(shop, held.id, requests, batch.rows) if batch.rows else ()
    failed = _count(errors)
    progress = Progress(
        cursor=str(batch.end),
        done=len(batch.rows) - failed,
        failed=failed,
        errors=errors,
        settled=[_row_key(held.id, row.number) for row in batch.rows],
    )
    now = time.monotonic()
    shop.transfers.advance(step_request(), held, progress, LEASE)
    return replace(held, step=held.step + 1, cursor=progress.cursor), now


def products_put(shop: Shop, name: str, requests: RowRequests, batch: Sequence[Row]) -> Sequence[RowError]:
    """Create the products of these rows, or update those that have their SKUs, and return what was wrong. A repeat for
    the same import finds its own products, and leaves them alone. Raises: ClaimLost, as `requests` do."""
    parsed = {row.number: import_values.product_values(row) for row in batch}
    errors = [error for _, found in parsed.values() for error in found]
    valid = {number: values for number, (values, found) in parsed.items() if not found}
    present = dict(zip(valid, shop.products.ids_by_sku([values["sku"] for values in valid.values()]), strict=True))
    own = {number: product_id(name, number) for number in valid}
    absent = [number for number in valid if present[number] is None]
    # What was made by the same step before, and withdrawn since, is not made again.
    made = shop.products.made([own[number] for number in absent])
    new = {number: valid[number] for number in absent if own[number] not in made}
    taken = _create(shop, name, own, new, errors)
    updates = [number for number in valid if present[number] not in (None, own[number])]
    errors += _update(shop, requests, {number: (present[number], valid[number]) for number in updates})
    if taken:
        # Products with these SKUs have been created meanwhile.
        errors += products_put(shop, name, requests, [row for row in batch if row.number in taken])
    return sorted(errors, key=lambda error: error.row)


def _create(
    shop: Shop, name: str, own: Mapping[int, str], new: Mapping[int, Mapping[str, Any]], errors: list[RowError]
) -> frozenset[int]:
    """Create products, and return the rows whose SKUs others have."""
    products: dict[int, Product] = {}
    now = shop.clock.now()
    for number, values in new.items():
        lacking = import_values.new_product_errors(number, values)
        details = None if lacking else import_values.details_of(number, values, None)
        if details is None or isinstance(details, RowError):
            errors += [details] if isinstance(details, RowError) else lacking
            continue
        products[number] = Product(
            id=own[number],
            sku=values["sku"],
            stock=values.get("stock", 0),
            created_at=now,
            updated_at=now,
            stock_changed_at=now,
            version=1,
            **details.values(),
        )
    if not products:
        return frozenset()
    refused = shop.products.create_many(step_request(), list(products.values())).value
    return frozenset(number for number, product in products.items() if product.id in refused)


def _update(
    shop: Shop, requests: RowRequests, updates: Mapping[int, tuple[str | None, Mapping[str, Any]]]
) -> Sequence[RowError]:
    if not updates:
        return ()
    with ThreadPoolExecutor(min(AT_ONCE, len(updates)), thread_name_prefix="import") as threads:
        found = threads.map(lambda number: _update_one(shop, requests, number, *updates[number]), updates)
        return [error for error in found if error]


def _update_one(
    shop: Shop, requests: RowRequests, number: int, id: str | None, values: Mapping[str, Any]
) -> RowError | None:
    try:
        product = shop.products.get(id or "")
        details = import_values.details_of(number, values, product)
        if isinstance(details, RowError):
            return details
        if details.values() != product.values():
            shop.products.update(requests(number), product.id, partial(_changed, shop, number, values), None)
    except _RowRefused as refused:
        return refused.error
    except NotFound:
        return RowError(row=number, column="sku", code="withdrawn", detail="The product was withdrawn just now.")
    return None


def _changed(shop: Shop, number: int, values: Mapping[str, Any], product: Product) -> Product:
    details = import_values.details_of(number, values, product)
    if isinstance(details, RowError):
        raise _RowRefused(details)
    return product.with_changes(at=shop.clock.now(), **details.values())


class _RowRefused(Exception):
    """Another edit came between, after which the row cannot be carried out."""

    def __init__(self, error: RowError) -> None:
        super().__init__(error.code)
        self.error = error


def product_id(name: str, number: int) -> str:
    """The id of the product that a row makes: the same for every repeat, and of the instant of the import's id."""
    digest = int.from_bytes(hashlib.sha256(f"{name}/{number}".encode()).digest()[:10], "big")
    instant = UUID(name).int >> 80
    high, low = (digest >> 62) & 0xFFF, digest & (2**62 - 1)
    return str(UUID(int=instant << 80 | _VERSION << 76 | high << 64 | _VARIANT << 62 | low))


def _count(errors: Sequence[RowError]) -> int:
    """How many rows the errors are of."""
    return len({error.row for error in errors})


def step_request() -> WriteRequest:
    """A write of a step, which only its worker repeats."""
    return WriteRequest.unique(STEP_TIMEOUT_S, int(LEASE.total_seconds()))


def row_requests(name: str, by: str, ttl_s: int, deadline: float) -> RowRequests:
    """What makes the writes of the rows of a step, which another worker may repeat. All have one deadline, before the
    lease is over: a worker that stood still makes none when another one may have recorded the step, which drops the
    outcomes.

    Raises (when one is made):
        ClaimLost: the deadline has passed."""

    def request(number: int) -> WriteRequest:
        if time.monotonic() >= deadline:
            raise ClaimLost("The lease may be over.")
        key, made = _row_key(name, number), WriteRequest.unique(STEP_TIMEOUT_S, ttl_s)
        return replace(made, idempotency_key=key, fingerprint=key, caller=by, may_be_retry=True, deadline=deadline)

    return request


def _row_key(name: str, number: int) -> str:
    """The idempotency key of what a row writes."""
    return f"import:{name}:{number}"
