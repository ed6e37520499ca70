"""Use cases of exports: rows of products, purchases or users, which a worker writes into a file in the store."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.products import ProductQuery
from shop.domain.purchases import Purchase, PurchaseQuery
from shop.domain.transfers import (
    MAX_TRANSFER_BYTES,
    Direction,
    ExportKind,
    Progress,
    Transfer,
    TransferFormat,
)
from shop.domain.users import User
from shop.services.import_values import PRODUCT_COLUMNS
from shop.services.imports import LEASE, step_request
from shop.services.transfer_rows import TransferFault, header_bytes, rows_bytes
from shop.services.uploads import new_transfer

#: Records that are read at once, and pages of one step; fewer, where they have so many bytes.
PAGE_SIZE, STEP_PAGES, STEP_BYTES = 20, 5, 2 * 1024 * 1024

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the rows of a kind come from."""

    columns: Sequence[str]
    page: Callable[[Shop, Transfer, Position | None], tuple[Rows, Position | None]]


def export_create(
    *,
    shop: Shop,
    request: WriteRequest,
    kind: ExportKind,
    format: TransferFormat,
    by: str,
    since: datetime | None,
    until: datetime | None,
) -> WriteResult[Transfer]:
    """Create an export, which a worker begins with at once. Raises: TooManyTransfers."""
    made = new_transfer(shop, Direction.EXPORT, kind, format, by)
    return shop.transfers.create(request, replace(made, since=since, until=until))


def export_get(*, shop: Shop, id: str) -> Transfer:
    """Get an export. Raises: NotFound."""
    return shop.transfers.get(Direction.EXPORT, id)


def export_list(*, shop: Shop, size: int, position: Position | None) -> Page[Transfer]:
    """List exports, newest first."""
    return shop.transfers.page(Direction.EXPORT, size, position)


def export_cancel(*, shop: Shop, request: WriteRequest, id: str) -> WriteResult[None]:
    """Cancel an export, where it has not ended, and drop its file. Raises: NotFound."""
    shop.transfers.get(Direction.EXPORT, id)
    return shop.transfers.cancel(request, id, shop.clock.now())


def export_chunks(*, shop: Shop, transfer: Transfer) -> Iterator[bytes]:
    """Read the file of an export that is done.

    Raises:
        ResultGone: it has expired or was deleted, perhaps in the midst of reading.
    """
    # Bound: the chunks of a file, see MAX_TRANSFER_BYTES.
    for number in range(transfer.chunks):
        chunk = shop.transfers.chunk(transfer.id, number)
        if chunk is None:
            raise ResultGone
        yield chunk


class ResultGone(Exception):
    """The file has expired or was deleted."""


def export_run(*, shop: Shop, held: Transfer) -> Iterator[Transfer]:
    """Carry an export out, from where it is: yield it as it is held after each step.

    Raises:
        TransferFault: the file would be too large.
        ClaimLost, TransfersFull, Unavailable.
    """
    for step in steps(shop, held):
        chunk = (b"" if held.step else header_bytes(held.format, SOURCES[held.kind].columns)) + step.data
        if held.size + len(chunk) > MAX_TRANSFER_BYTES:
            detail = f"The file would have more than {MAX_TRANSFER_BYTES // 1_000_000} MB: export a shorter time."
            raise TransferFault("too-large", detail)
        progress = Progress(cursor=step.cursor, done=step.count, chunk=chunk)
        shop.transfers.advance(step_request(), held, progress, LEASE)
        held = replace(
            held,
            step=held.step + 1,
            cursor=progress.cursor,
            size=held.size + len(chunk),
            chunks=held.chunks + (1 if chunk else 0),
        )
        yield held


@dataclass(frozen=True, slots=True)
class Step:
    """The rows of a step as they are written, how many they are, and the position behind them, `end` of the last."""

    data: bytes
    count: int
    cursor: str


def steps(shop: Shop, held: Transfer) -> Iterator[Step]:
    """The steps that are still to be made."""
    source = SOURCES[held.kind]
    if held.cursor == "end":
        return
    position = Position(key=held.cursor) if held.cursor else None
    data, count, pages = b"", 0, 0
    # Bound: the records of the shop, each of which is read once.
    while True:
        found, position = source.page(shop, held, position)
        data += rows_bytes(held.format, source.columns, found)
        count += len(found)
        pages += 1
        if position is None:
            yield Step(data, count, "end")
            return
        if pages == STEP_PAGES or len(data) >= STEP_BYTES:
            yield Step(data, count, position.key)
            data, count, pages = b"", 0, 0


def _products(shop: Shop, held: Transfer, position: Position | None) -> tuple[Rows, Position | None]:
    page = shop.products.page(ProductQuery(descending=False), PAGE_SIZE, position)
    return page.results, page.next


def _purchases(shop: Shop, held: Transfer, position: Position | None) -> tuple[Rows, Position | None]:
    query = PurchaseQuery(since=held.since, until=held.until, descending=False)
    page = shop.purchases.page(query, PAGE_SIZE, position)
    return [purchase_row(purchase) for purchase in page.results], page.next


def _users(shop: Shop, held: Transfer, position: Position | None) -> tuple[Rows, Position | None]:
    page = shop.users.page("", PAGE_SIZE, position)
    return [user_row(user) for user in page.results], page.next


def purchase_row(purchase: Purchase) -> dict[str, Any]:
    """A purchase as a row; what has parts is JSON within its cell of CSV."""
    # A guest whose purchase ended unpaid is forgotten a week later: no file may say who it was from then on.
    is_forgotten = purchase.user is None and purchase.ended_unpaid
    email, address = ("", None) if is_forgotten else (purchase.email, purchase.shipping_address)
    return {
        "id": purchase.id,
        "user": purchase.user,
        "status": purchase.status.value,
        "created_at": purchase.created_at,
        "updated_at": purchase.updated_at,
        "currency": purchase.total.currency,
        "total": str(purchase.total),
        "discount": str(purchase.totals.discount),
        "shipping": str(purchase.totals.shipping),
        "voucher": purchase.voucher or None,
        "shipping_method": purchase.shipping_method or None,
        "email": email or None,
        "shipping_address": dict(address.values()) if address else None,
        "items": [
            {
                "product": item.product,
                "sku": item.sku,
                "name": item.name,
                "unit_price": str(item.unit_price),
                "quantity": item.quantity,
            }
            for item in purchase.items
        ],
    }


def user_row(user: User) -> dict[str, Any]:
    """A user as a row."""
    return {
        "id": user.id,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "role": user.role.value,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }


_PURCHASE_COLUMNS = (
    *("id", "user", "status", "created_at", "updated_at", "currency", "total", "discount", "shipping"),
    *("voucher", "shipping_method", "email", "shipping_address", "items"),
)
_USER_COLUMNS = ("id", "email", "first_name", "last_name", "role", "created_at", "updated_at")
SOURCES: Mapping[str, _Source] = {
    ExportKind.PRODUCTS: _Source(PRODUCT_COLUMNS, _products),
    ExportKind.PURCHASES: _Source(_PURCHASE_COLUMNS, _purchases),
    ExportKind.USERS: _Source(_USER_COLUMNS, _users),
}
