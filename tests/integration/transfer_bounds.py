"""What the scripts of imports and exports cost at their bounds: as many transfers as may be stored, and steps of as
many rows and errors as one has."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from shop.domain.pages import MAX_PAGE_SIZE
from shop.domain.ports import Shop
from shop.domain.transfers import (
    MAX_ROW_ERRORS,
    MAX_STEP_ROWS,
    MAX_STORED,
    Direction,
    ExportKind,
    ImportKind,
    Progress,
    RowError,
    StockRow,
    TransferFormat,
    TransferStatus,
)
from shop.services.uploads import new_transfer
from tests.counted_store import CountedStore
from tests.samples import a_request, in_catalogue, registered

#: As tests/integration/test_script_bounds.py has it.
WRITE, MOVEMENT = 16, 7
#: Fields and values of a transfer.
TRANSFER = 42
#: The clock, what is stored, and a chunk.
STORE = 10 + MAX_STORED
#: Commands of a step beside its rows and errors, and of a row of stock with its event.
STEP, STOCK_ROW = 14, 13 + MOVEMENT
#: Transfers that leave a full list at once, or lose their errors.
DROPPED = 10
LEASE = timedelta(minutes=1)

TRANSFER_COSTS: Mapping[str, tuple[int, int]] = {
    "product_import_stock": (
        WRITE + STEP + MAX_STEP_ROWS * (STOCK_ROW + 1),
        20 + MAX_STEP_ROWS * 12,
    ),
    "transfer_advance": (WRITE + STEP + STORE + 4 + MAX_ROW_ERRORS, 20 + MAX_STORED),
    "transfer_append": (WRITE + STORE + 4, 20 + MAX_STORED),
    "transfer_cancel": (WRITE + 6, 10),
    "transfer_claim": (WRITE + 8, 20 + TRANSFER),
    "transfer_create": (WRITE + 12 + DROPPED * 5, 10 + TRANSFER + 2 * DROPPED),
    "transfer_enqueue": (WRITE + 12, 10 + TRANSFER),
    "transfer_finish": (WRITE + 8, 10),
    "transfer_open": (WRITE + 5, 10 + TRANSFER),
    "transfer_memory": (1, 1),
    "transfer_page": (1 + MAX_PAGE_SIZE + 1, 101 + 101 * TRANSFER),
}


def imports_and_exports_of_as_many_rows_and_errors_as_there_may_be(store: CountedStore, shop: Shop) -> None:
    transfers = shop.transfers
    made = [
        transfers.create(
            a_request(), new_transfer(shop, Direction.IMPORT, ImportKind.STOCK, TransferFormat.CSV, "someone")
        ).value
        for _ in range(MAX_STORED)
    ]
    for each in made:
        upload = transfers.open(a_request(), each.id).value.claim
        transfers.append(a_request(), each.id, upload, 0, b"sku,stock\n")
        transfers.enqueue(a_request(), each.id, upload, 10, "digest")
    products = [in_catalogue(shop, stock=1) for _ in range(MAX_STEP_ROWS)]
    held = transfers.claim(a_request(), LEASE).value
    assert held is not None
    rows = [StockRow(row=n, sku=each.sku, units=5, is_delta=True) for n, each in enumerate(products, start=1)]
    transfers.import_stock(a_request(), held, Progress(cursor="1"), rows, LEASE)
    unknown = [replace(row, sku="NO-SUCH") for row in rows]
    transfers.import_stock(a_request(), replace(held, step=1), Progress(cursor="2"), unknown, LEASE)
    errors = [RowError(row=n, column="sku", code="required", detail="Give a value.") for n in range(MAX_ROW_ERRORS)]
    progress = Progress(cursor="3", errors=errors, chunk=b"row", settled=["key"] * MAX_STEP_ROWS)
    transfers.advance(a_request(), replace(held, step=2), progress, LEASE)
    transfers.is_memory_short()
    transfers.page(Direction.IMPORT, MAX_PAGE_SIZE, None)
    transfers.finish(a_request(), replace(held, step=3), TransferStatus.DONE, "", shop.clock.now())
    for each in made:
        transfers.cancel(a_request(), each.id, shop.clock.now())
    for _ in range(MAX_STORED):
        transfers.create(
            a_request(), new_transfer(shop, Direction.EXPORT, ExportKind.USERS, TransferFormat.CSV, "someone")
        )
    shop.users.delete(a_request(), registered(shop).id, None)
