"""A transfer is carried out once: each step counts once, by the worker that holds it."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from shop.domain import transfers as domain
from shop.domain.errors import NotFound, TooManyTransfers, TransfersFull, UploadLost
from shop.domain.movements import MovementKind
from shop.domain.products import Product
from shop.domain.transfers import (
    MAX_STORED,
    ClaimLost,
    Direction,
    Progress,
    RowError,
    StockRow,
    Transfer,
    TransferFormat,
    TransferStatus,
)
from shop.services.reauthentication import unconfirmed
from shop.services.users import user_delete
from tests.cart_samples import a_ready_cart, hold
from tests.contract.walks import there_and_back
from tests.fakes.transfers import FakeTransfers
from tests.samples import a_request, again, in_catalogue, registered

AT = datetime(2026, 11, 1, tzinfo=UTC)
LEASE, NO_LEASE = timedelta(minutes=1), timedelta(0)
TEXT = b"sku,stock\nA-1,5\n"


def an_import(shop, **changes) -> Transfer:
    now = shop.clock.now()
    made = Transfer(
        id=shop.ids.new(now),
        direction=Direction.IMPORT,
        kind="stock",
        format=TransferFormat.CSV,
        status=TransferStatus.RECEIVING,
        by="someone",
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
    return shop.transfers.create(a_request(), replace(made, **changes)).value


def queued(shop, **changes) -> Transfer:
    made = an_import(shop, **changes)
    upload = shop.transfers.open(a_request(), made.id).value.claim
    shop.transfers.append(a_request(), made.id, upload, 0, TEXT)
    return shop.transfers.enqueue(a_request(), made.id, upload, len(TEXT), "digest").value


def held(shop, lease=LEASE, **changes) -> Transfer:
    queued(shop, **changes)
    return shop.transfers.claim(a_request(), lease).value


def read(shop, id):
    return shop.transfers.get(Direction.IMPORT, id)


def test_a_transfer_is_read_as_it_was_created(shop):
    made = an_import(shop, since=AT)
    assert read(shop, made.id) == made
    assert made.since == AT


def test_an_import_is_no_export_and_an_unknown_one_is_neither(shop):
    made = an_import(shop)
    with pytest.raises(NotFound):
        shop.transfers.get(Direction.EXPORT, made.id)
    for call in (
        lambda id: read(shop, id),
        lambda id: shop.transfers.open(a_request(), id),
        lambda id: shop.transfers.cancel(a_request(), id, AT),
    ):
        with pytest.raises(NotFound):
            call(shop.ids.new(AT))


def test_lists_have_the_newest_first_and_page(shop):
    made = [an_import(shop).id for _ in range(5)]
    found = there_and_back(lambda position: shop.transfers.page(Direction.IMPORT, 2, position), 2)
    assert [each.id for each in found] == made[::-1]


def test_no_more_are_stored_than_may_be_and_a_cancelled_one_makes_room(shop):
    made = [an_import(shop) for _ in range(MAX_STORED)]
    with pytest.raises(TooManyTransfers):
        an_import(shop)
    shop.transfers.cancel(a_request(), made[0].id, AT)
    assert an_import(shop)


def test_an_upload_is_stored_in_chunks_and_waits_for_a_worker(shop):
    made = queued(shop)
    assert (made.status, made.size, made.sha256, made.chunks) == (TransferStatus.QUEUED, len(TEXT), "digest", 1)
    assert [shop.transfers.chunk(made.id, number) for number in range(2)] == [TEXT, None]


def test_an_upload_that_is_begun_anew_drops_the_chunks_of_the_former_one_and_ends_it(shop):
    made = an_import(shop)
    first = shop.transfers.open(a_request(), made.id).value.claim
    shop.transfers.append(a_request(), made.id, first, 0, b"former")
    second = shop.transfers.open(a_request(), made.id).value.claim
    assert shop.transfers.chunk(made.id, 0) is None
    with pytest.raises(UploadLost):
        shop.transfers.append(a_request(), made.id, first, 1, b"former")
    with pytest.raises(UploadLost):
        shop.transfers.enqueue(a_request(), made.id, first, 6, "digest")
    shop.transfers.append(a_request(), made.id, second, 0, b"later")
    assert shop.transfers.chunk(made.id, 0) == b"later"


def test_what_waits_already_is_not_opened_again(shop):
    made = queued(shop)
    assert shop.transfers.open(a_request(), made.id).value == made
    assert shop.transfers.chunk(made.id, 0) == TEXT


def test_nothing_is_claimed_before_its_upload_is_complete(shop):
    an_import(shop)
    assert shop.transfers.claim(a_request(), LEASE).value is None


def lapse(shop, id) -> None:
    """The data of the transfer expires, as when it has paused for too long."""
    if isinstance(shop.transfers, FakeTransfers):
        shop.transfers.stored.discard(id)
        shop.transfers.data.pop(id, None)
        return
    store, keys = shop.transfers._store, shop.transfers._keys
    node = store.cluster.nodes[store.cluster.topology.refresh().primary]
    commands = ("ZADD", keys.transfers_stored, "XX", 1, id), ("UNLINK", keys.transfer_data(id))
    node.run(*commands, timeout=5)


def test_an_upload_that_has_paused_too_long_takes_no_place_that_others_have(shop):
    made = an_import(shop)
    upload = shop.transfers.open(a_request(), made.id).value.claim
    shop.transfers.append(a_request(), made.id, upload, 0, TEXT)
    lapse(shop, made.id)
    with pytest.raises(UploadLost):
        shop.transfers.enqueue(a_request(), made.id, upload, len(TEXT), "digest")
    with pytest.raises(UploadLost):
        shop.transfers.append(a_request(), made.id, upload, 1, TEXT)
    others = [an_import(shop) for _ in range(MAX_STORED)]
    with pytest.raises(UploadLost):
        shop.transfers.enqueue(a_request(), made.id, upload, len(TEXT), "digest")
    later = shop.transfers.open(a_request(), made.id).value.claim
    with pytest.raises(TransfersFull):
        shop.transfers.append(a_request(), made.id, later, 0, TEXT)
    shop.transfers.cancel(a_request(), others[0].id, AT)
    shop.transfers.append(a_request(), made.id, later, 0, TEXT)
    with pytest.raises(TooManyTransfers):
        an_import(shop)


def test_an_upload_that_was_refused_leaves_its_place_to_others_and_takes_one_again(shop):
    made = [an_import(shop) for _ in range(MAX_STORED)]
    upload = shop.transfers.open(a_request(), made[0].id).value.claim
    shop.transfers.append(a_request(), made[0].id, upload, 0, TEXT)
    shop.transfers.give_up_place(a_request(), made[0].id, upload)
    assert shop.transfers.chunk(made[0].id, 0) is None
    other = an_import(shop)
    with pytest.raises(UploadLost):
        shop.transfers.append(a_request(), made[0].id, upload, 1, TEXT)
    later = shop.transfers.open(a_request(), made[0].id).value.claim
    with pytest.raises(TransfersFull):
        shop.transfers.append(a_request(), made[0].id, later, 0, TEXT)
    shop.transfers.cancel(a_request(), other.id, AT)
    shop.transfers.append(a_request(), made[0].id, later, 0, TEXT)
    assert shop.transfers.enqueue(a_request(), made[0].id, later, len(TEXT), "digest").value.chunks == 1


def test_an_upload_that_was_refused_takes_no_place_from_the_next_one(shop):
    made = an_import(shop)
    first, second = (shop.transfers.open(a_request(), made.id).value.claim for _ in range(2))
    shop.transfers.append(a_request(), made.id, second, 0, TEXT)
    shop.transfers.give_up_place(a_request(), made.id, first)
    assert shop.transfers.enqueue(a_request(), made.id, second, len(TEXT), "digest").value.chunks == 1


def test_an_export_whose_file_has_expired_writes_no_more_of_it(shop):
    made = an_import(shop, direction=Direction.EXPORT, kind="users", status=TransferStatus.QUEUED)
    transfer = shop.transfers.claim(a_request(), LEASE).value
    lapse(shop, made.id)
    with pytest.raises(TransfersFull):
        shop.transfers.advance(a_request(), transfer, Progress(cursor="1", chunk=b"row"), LEASE)
    assert shop.transfers.chunk(made.id, 0) is None


def test_a_claimed_transfer_is_no_other_workers_until_the_lease_is_over(shop):
    request = a_request()
    made = queued(shop)
    first = shop.transfers.claim(request, LEASE).value
    assert (first.id, first.status, first.claim) == (made.id, TransferStatus.RUNNING, request.id)
    assert shop.transfers.claim(a_request(), LEASE).value is None


def test_a_lease_that_is_over_lets_another_worker_go_on_where_the_first_one_was(shop):
    first = held(shop, NO_LEASE)
    shop.transfers.advance(a_request(), first, Progress(cursor="12", done=3, failed=1), NO_LEASE)
    second = shop.transfers.claim(a_request(), LEASE).value
    assert (second.id, second.step, second.cursor, second.rows_done, second.rows_failed) == (first.id, 1, "12", 3, 1)
    assert second.started_at == first.started_at
    with pytest.raises(ClaimLost):
        shop.transfers.advance(a_request(), replace(first, step=1), Progress(cursor="99"), LEASE)
    with pytest.raises(ClaimLost):
        shop.transfers.finish(a_request(), replace(first, step=1), TransferStatus.DONE, "", AT)


def test_a_step_counts_once(shop):
    transfer, request = held(shop), a_request()
    error = RowError(row=2, column="stock", code="required", detail="Give a value.")
    progress = Progress(cursor="10", done=1, failed=1, errors=[error])
    shop.transfers.advance(request, transfer, progress, LEASE)
    shop.transfers.advance(again(request), transfer, progress, LEASE)
    with pytest.raises(ClaimLost):
        shop.transfers.advance(a_request(), transfer, progress, LEASE)
    found = read(shop, transfer.id)
    assert (found.step, found.rows_done, found.rows_failed) == (1, 1, 1)
    assert shop.transfers.errors(transfer.id) == [error]


def test_a_recorded_step_drops_the_outcomes_of_its_own_writes_and_no_others(shop):
    transfer, product = held(shop), in_catalogue(shop)
    settled, other = a_request(), a_request()

    def rename(request) -> int:
        change = partial(Product.with_changes, at=AT, name="Renamed")
        return shop.products.update(request, product.id, change, None).value.version

    assert [rename(again(each)) for each in (settled, other, settled)] == [2, 3, 2]
    keys = [settled.idempotency_key, "never-written"]
    shop.transfers.advance(a_request(), transfer, Progress(cursor="9", settled=keys), LEASE)
    assert [rename(again(each)) for each in (other, settled)] == [3, 4]


def test_no_more_errors_are_stored_than_may_be(shop):
    transfer = held(shop)
    errors = [RowError(row=n, column="", code="malformed-row", detail="No row.") for n in range(700)]
    shop.transfers.advance(a_request(), transfer, Progress(cursor="1", failed=700, errors=errors), LEASE)
    shop.transfers.advance(
        a_request(), replace(transfer, step=1), Progress(cursor="2", failed=700, errors=errors), LEASE
    )
    assert read(shop, transfer.id).rows_failed == 1400
    assert len(shop.transfers.errors(transfer.id)) == domain.MAX_ROW_ERRORS


def refused(shop) -> Transfer:
    """An import that has ended, with an error."""
    transfer = held(shop)
    error = RowError(row=1, column="", code="malformed-row", detail="No row.")
    shop.transfers.advance(a_request(), transfer, Progress(cursor="1", failed=1, errors=[error]), LEASE)
    shop.transfers.finish(a_request(), replace(transfer, step=1), TransferStatus.DONE, "", AT)
    return transfer


def test_errors_are_stored_of_the_newest_imports_alone(shop, monkeypatch):
    monkeypatch.setattr(bounded(shop), "MAX_WITH_ERRORS", 2)
    made = [refused(shop).id for _ in range(4)]
    assert [len(shop.transfers.errors(id)) for id in made] == [0, 0, 1, 1]
    assert read(shop, made[0]).rows_failed == 1


def test_a_list_that_is_full_drops_the_oldest_that_has_ended(shop, monkeypatch):
    monkeypatch.setattr(bounded(shop), "MAX_LISTED", 3)
    unended = an_import(shop)
    made = [refused(shop).id for _ in range(4)]
    listed = [each.id for each in shop.transfers.page(Direction.IMPORT, 10, None).results]
    assert listed == [made[3], made[2], unended.id]
    with pytest.raises(NotFound):
        read(shop, made[0])


def bounded(shop):
    """The module that has the bounds of the shop's repository."""
    return sys.modules[type(shop.transfers).__module__]


def test_stock_is_set_and_changed_with_a_movement_for_each_row(shop):
    first, second = in_catalogue(shop, stock=7), in_catalogue(shop, stock=0)
    transfer = held(shop)
    rows = [
        StockRow(row=1, sku=first.sku, units=5, is_delta=False),
        StockRow(row=2, sku=second.sku, units=4, is_delta=True),
        StockRow(row=3, sku=second.sku, units=-4, is_delta=True),
        StockRow(row=4, sku=first.sku, units=5, is_delta=False),
    ]
    shop.transfers.import_stock(a_request(), transfer, Progress(cursor="9"), rows, LEASE)
    assert [shop.products.get(each.id).stock for each in (first, second)] == [5, 0]
    movements = shop.products.movements(first.id, 10, None).results
    assert [(each.kind, each.quantity) for each in movements] == [
        (MovementKind.ADJUSTMENT, -2),
        (MovementKind.OPENING, 7),
    ]
    assert (movements[0].reference, movements[0].by) == (transfer.id, "someone")
    assert len(shop.products.movements(second.id, 10, None).results) == 2
    found = read(shop, transfer.id)
    assert (found.rows_done, found.rows_failed, found.cursor) == (4, 0, "9")


def test_rows_of_stock_that_cannot_be_carried_out_are_errors_and_change_nothing(shop):
    product, transfer = in_catalogue(shop, stock=3), held(shop)
    rows = [
        StockRow(row=1, sku="NO-SUCH", units=5, is_delta=False),
        StockRow(row=2, sku=product.sku, units=-4, is_delta=True),
        StockRow(row=3, sku=product.sku, units=2**31 - 1, is_delta=True),
        StockRow(row=4, sku=product.sku, units=1, is_delta=True),
    ]
    shop.transfers.import_stock(a_request(), transfer, Progress(cursor="9"), rows, LEASE)
    assert shop.products.get(product.id).stock == 4
    assert [(each.row, each.column, each.code) for each in shop.transfers.errors(transfer.id)] == [
        (1, "sku", "unknown-sku"),
        (2, "delta", "insufficient-stock"),
        (3, "delta", "stock-too-large"),
    ]
    found = read(shop, transfer.id)
    assert (found.rows_done, found.rows_failed) == (1, 3)


def test_a_row_behind_others_may_be_of_a_product_that_a_cart_holds(shop):
    free, held_one = in_catalogue(shop, stock=5), in_catalogue(shop, stock=5)
    cart, caller = a_ready_cart(shop, held_one, 3)
    hold(shop, cart, caller=caller)
    rows = [
        StockRow(row=1, sku=free.sku, units=1, is_delta=True),
        StockRow(row=2, sku=held_one.sku, units=-3, is_delta=True),
        StockRow(row=3, sku=held_one.sku, units=-1, is_delta=True),
        StockRow(row=4, sku=held_one.sku, units=2, is_delta=False),
        StockRow(row=5, sku=free.sku, units=-6, is_delta=True),
        StockRow(row=6, sku=free.sku, units=-1, is_delta=True),
    ]
    transfer = held(shop)
    shop.transfers.import_stock(a_request(), transfer, Progress(cursor="9"), rows, LEASE)
    assert [shop.products.get(each.id).stock for each in (free, held_one)] == [0, 4]
    refused = {error.row: error.detail for error in shop.transfers.errors(transfer.id)}
    assert refused == {row: f"Only {units} units are available." for row, units in {2: 2, 4: 1, 6: 0}.items()}


def test_rows_of_stock_take_effect_once_however_often_and_by_whom_they_are_repeated(shop):
    product, first = in_catalogue(shop, stock=0), held(shop, NO_LEASE)
    rows = [StockRow(row=1, sku=product.sku, units=5, is_delta=True)]
    shop.transfers.import_stock(a_request(), first, Progress(cursor="9"), rows, NO_LEASE)
    with pytest.raises(ClaimLost):
        shop.transfers.import_stock(a_request(), first, Progress(cursor="9"), rows, LEASE)
    second = shop.transfers.claim(a_request(), LEASE).value
    with pytest.raises(ClaimLost):
        shop.transfers.import_stock(a_request(), replace(first, step=1), Progress(cursor="9"), rows, LEASE)
    assert second.step == 1
    assert shop.products.get(product.id).stock == 5


def test_a_finished_import_has_no_data_and_is_not_claimed_again(shop):
    transfer = held(shop, NO_LEASE)
    shop.transfers.finish(a_request(), transfer, TransferStatus.FAILED, "no-header", AT)
    found = read(shop, transfer.id)
    assert (found.status, found.error, found.finished_at) == (TransferStatus.FAILED, "no-header", AT)
    assert shop.transfers.chunk(transfer.id, 0) is None
    assert shop.transfers.claim(a_request(), LEASE).value is None


def test_a_cancelled_import_goes_no_further(shop):
    transfer = held(shop)
    shop.transfers.cancel(a_request(), transfer.id, AT)
    with pytest.raises(ClaimLost):
        shop.transfers.advance(a_request(), transfer, Progress(cursor="9"), LEASE)
    found = read(shop, transfer.id)
    assert (found.status, found.finished_at) == (TransferStatus.CANCELLED, AT)
    assert shop.transfers.chunk(transfer.id, 0) is None


def test_erasing_a_user_drops_files_with_personal_data_and_cancels_what_is_being_written(shop):
    made = {}
    for kind in ("users", "purchases", "products"):
        made[kind] = an_import(shop, direction=Direction.EXPORT, kind=kind, status=TransferStatus.QUEUED)
        transfer = shop.transfers.claim(a_request(), LEASE).value
        shop.transfers.advance(a_request(), transfer, Progress(cursor="end", chunk=b"row"), LEASE)
        if kind == "users":
            at = shop.transfers.get(Direction.EXPORT, transfer.id)
            shop.transfers.finish(a_request(), at, TransferStatus.DONE, "", AT)
    stock = queued(shop)
    user_delete(shop=shop, request=a_request(), id=registered(shop).id, if_match=None, confirm=unconfirmed)
    chunks = {kind: shop.transfers.chunk(each.id, 0) for kind, each in made.items()}
    assert chunks == {"users": None, "purchases": None, "products": b"row"}
    status = {kind: shop.transfers.get(Direction.EXPORT, each.id).status for kind, each in made.items()}
    assert status == {
        "users": TransferStatus.DONE,
        "purchases": TransferStatus.CANCELLED,
        "products": TransferStatus.RUNNING,
    }
    assert shop.transfers.chunk(stock.id, 0) == TEXT


def test_a_chunk_is_read_whole_or_not_stored(shop):
    transfer = held(shop, direction=Direction.EXPORT, kind="products")
    whole = b"a" * domain.MAX_CHUNK_BYTES
    with pytest.raises(ValueError, match="at most"):
        shop.transfers.advance(a_request(), transfer, Progress(cursor="1", chunk=whole + b"a"), LEASE)
    shop.transfers.advance(a_request(), transfer, Progress(cursor="1", chunk=whole), LEASE)
    assert shop.transfers.chunk(transfer.id, transfer.chunks) == whole


def test_an_export_is_due_at_once_and_its_result_stays(shop):
    made = an_import(shop, direction=Direction.EXPORT, kind="products", status=TransferStatus.QUEUED)
    transfer = shop.transfers.claim(a_request(), LEASE).value
    assert transfer.id == made.id
    for step, chunk in enumerate([b"sku\r\n", b"A-1\r\n"]):
        now = shop.transfers.get(Direction.EXPORT, made.id)
        assert now.step == step
        shop.transfers.advance(a_request(), now, Progress(cursor=f"c{step}", done=step, chunk=chunk), LEASE)
    last = shop.transfers.get(Direction.EXPORT, made.id)
    shop.transfers.finish(a_request(), last, TransferStatus.DONE, "", AT)
    assert (last.size, last.chunks, last.rows_done, last.cursor) == (10, 2, 1, "c1")
    assert [shop.transfers.chunk(made.id, number) for number in range(3)] == [b"sku\r\n", b"A-1\r\n", None]
    shop.transfers.cancel(a_request(), made.id, AT)
    assert shop.transfers.chunk(made.id, 0) is None
    assert shop.transfers.get(Direction.EXPORT, made.id).status is TransferStatus.DONE
