"""Imports as uploads and workers carry them out, on the shop in memory."""

import random
import time
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import orjson
import pytest

from exactly_once.errors import IdempotencyKeyReused
from shop.domain.errors import Invalid, NotFound, TransfersFull, UploadLost
from shop.domain.transfers import (
    CHUNK_BYTES,
    MAX_STORED,
    ClaimLost,
    Direction,
    ImportKind,
    TransferFormat,
    TransferStatus,
)
from shop.domain.webhooks import MAIL, QueueState
from shop.services import import_pauses, transfer_rows
from shop.services.imports import LEASE, batches, product_id
from shop.services.transfer_rows import Row, TransferFault, guarded, read_rows, rows_bytes, unguarded
from shop.services.uploads import UploadCutShort, import_create, import_receive
from shop.work import transfers
from tests.fakes import FakeStore, fake_shop
from tests.fakes.transfers import FakeTransfers
from tests.samples import a_request, in_catalogue

CSV, NDJSON = TransferFormat.CSV, TransferFormat.NDJSON
HEADER = b"sku,name,description,category,company,date_manufactured,price,currency,stock\r\n"


@pytest.fixture
def shop():
    return fake_shop()


def reading(data: bytes):
    view = memoryview(data)

    def read(size: int) -> bytes:
        nonlocal view
        part, view = bytes(view[:size]), view[size:]
        return part

    return read


def received(shop, data, kind=ImportKind.PRODUCTS, format=CSV):
    made = import_create(shop=shop, request=a_request(), kind=kind, format=format, by="someone").value
    return import_receive(shop=shop, id=made.id, read=reading(data), size=len(data))


def imported(shop, data, kind=ImportKind.PRODUCTS, format=CSV):
    made = received(shop, data, kind, format)
    while transfers.run(shop):
        pass
    ended = shop.transfers.get(Direction.IMPORT, made.id)
    return ended, shop.transfers.errors(made.id)


def chunks_of(data):
    return lambda number: data[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES] or None


def rows_of(data, format=CSV, columns=("sku", "name"), begin=0, number=0):
    return list(read_rows(chunks_of(data), format, columns, begin, number))


def test_products_are_created_and_those_with_a_known_sku_updated(shop):
    known = in_catalogue(shop, sku="OLD-1", stock=9)
    data = HEADER + b'NEW-1,"Pear, green",,Fruit,Grove,2026-01-02,1.50,EUR,7\r\nOLD-1,Renamed,,,,,2.00,EUR,500\r\n'
    ended, errors = imported(shop, data)
    assert (ended.status, ended.rows_done, ended.rows_failed, errors) == (TransferStatus.DONE, 2, 0, [])
    new, old = shop.products.get_by_sku("NEW-1"), shop.products.get(known.id)
    assert (new.name, new.category, str(new.price), new.stock) == ("Pear, green", "Fruit", "1.50", 7)
    assert (old.name, str(old.price), old.stock, old.version) == ("Renamed", "2.00", 9, 2)


def test_an_import_of_updates_leaves_no_recorded_outcome_of_a_row_behind(shop):
    for number in range(60):
        in_catalogue(shop, sku=f"K-{number}")
    before = len(shop.transfers.store.recorded_keys("import:"))
    imported(shop, b"sku,name\n" + b"".join(b"K-%d,Renamed\n" % number for number in range(60)))
    assert shop.products.get_by_sku("K-59").version == 2
    assert (before, shop.transfers.store.recorded_keys("import:")) == (0, [])


def pausing(shop, monkeypatch):
    """An import of two rows that was tried while the shop had no room: it is due at once."""
    monkeypatch.setattr(import_pauses, "PAUSE", timedelta(0))
    in_catalogue(shop, sku="A-1", stock=7)
    made = received(shop, b"sku,delta\nA-1,1\nA-1,1\n", ImportKind.STOCK)
    return lambda: shop.transfers.get(Direction.IMPORT, made.id)


def goes_on(shop, now):
    while transfers.run(shop):
        pass
    assert (now().status, shop.products.get_by_sku("A-1").stock) == (TransferStatus.DONE, 9)


def test_an_import_pauses_while_memory_is_short_and_then_goes_on(shop, monkeypatch):
    now = pausing(shop, monkeypatch)
    shop.transfers.has_little_memory = True
    assert transfers.run(shop)
    assert (now().status, now().rows_done, shop.products.get_by_sku("A-1").stock) == (TransferStatus.RUNNING, 0, 7)
    shop.transfers.has_little_memory = False
    goes_on(shop, now)


def test_an_import_pauses_while_events_wait_for_the_workers(shop, monkeypatch):
    now = pausing(shop, monkeypatch)
    monkeypatch.setattr(import_pauses, "MAX_UNDISPATCHED", 0)
    assert transfers.run(shop)
    assert (now().status, shop.products.get_by_sku("A-1").stock) == (TransferStatus.RUNNING, 7)
    while shop.deliveries.plan(a_request(), "worker", ()).value.events:
        pass
    assert transfers.run(shop)
    assert shop.products.get_by_sku("A-1").stock > 7


@pytest.mark.parametrize(
    ("queue", "failing_s", "is_enabled", "is_paused"),
    [
        ("endpoint", None, True, True),
        ("endpoint", 60, True, True),
        ("endpoint", 3600, True, False),
        ("endpoint", None, False, False),
        (MAIL, None, True, False),
    ],
)
def test_an_import_pauses_for_deliveries_but_not_for_a_lost_or_disabled_endpoint_or_mails(
    shop, monkeypatch, queue, failing_s, is_enabled, is_paused
):
    now, at = pausing(shop, monkeypatch), shop.clock.now()
    failing_since = at - timedelta(seconds=failing_s) if failing_s else None
    pending = import_pauses.MAX_QUEUED + 1
    state = QueueState(queue=queue, pending=pending, failing_since=failing_since, is_enabled=is_enabled)
    full = replace(shop.deliveries.outlook(), at=at, queues=[state])
    monkeypatch.setattr(shop.deliveries, "outlook", lambda: full)
    assert transfers.run(shop)
    assert now().status is (TransferStatus.RUNNING if is_paused else TransferStatus.DONE)


def test_a_store_that_is_short_of_memory_refuses_a_file(shop):
    shop.transfers.has_little_memory = True
    with pytest.raises(TransfersFull):
        received(shop, b"sku,delta\nA-1,1\n", ImportKind.STOCK)


def test_uploads_that_are_refused_lock_out_no_others(shop):
    for _ in range(2 * MAX_STORED):
        shop.transfers.has_little_memory = True
        with pytest.raises(TransfersFull):
            received(shop, b"sku,delta\nA-1,1\n", ImportKind.STOCK)
    shop.transfers.has_little_memory = False
    assert received(shop, b"sku,delta\nA-1,1\n", ImportKind.STOCK).status is TransferStatus.QUEUED


def test_columns_that_are_left_out_stay_as_they_are(shop):
    known = in_catalogue(shop, sku="OLD-1", name="Before")
    imported(shop, b"sku,category\nOLD-1,Fruit\n")
    found = shop.products.get(known.id)
    assert (found.category, found.name, found.price) == ("Fruit", "Before", known.price)


def test_a_row_that_changes_nothing_is_done_and_makes_no_version(shop):
    known = in_catalogue(shop, sku="OLD-1", name="Before")
    ended, _ = imported(shop, b"sku,name\nOLD-1,Before\n")
    assert ended.rows_done == 1
    assert shop.products.get(known.id).version == known.version


def test_json_lines_have_the_types_of_the_api(shop):
    rows = [
        {"sku": "N-1", "name": "Pear", "price": "1.50", "currency": "EUR", "stock": 3, "date_manufactured": None},
        {"sku": "N-2", "name": "Plum", "price": 1.5, "currency": "EUR"},
        {"sku": "N-3", "name": "Plum", "price": "1.5", "currency": "EUR", "colour": "blue"},
        ["N-4"],
    ]
    data = b"\n\n".join(map(orjson.dumps, rows))
    ended, errors = imported(shop, data, format=NDJSON)
    assert (ended.status, ended.rows_done, ended.rows_failed) == (TransferStatus.DONE, 1, 3)
    assert [(error.row, error.column, error.code) for error in errors] == [
        (2, "price", "invalid-price"),
        (3, "colour", "unknown-column"),
        (4, "", "malformed-row"),
    ]


def test_every_fault_of_a_row_is_named_and_the_other_rows_are_carried_out(shop):
    data = (
        HEADER
        + b"bad sku,Pear,,,,yesterday,1.5,EUR,7\n"
        + b"N-2,,,,,,,,\n"
        + b"N-3,Pear,,,,,1.555,EUR,-1\n"
        + b"N-4,Pear\n"
        + b"N-5,Pear,,,,,1.5,XXX,\n"
        + b"N-6,Pear,,,,,1.5,EUR,\n"
    )
    ended, errors = imported(shop, data)
    assert (ended.rows_done, ended.rows_failed) == (1, 5)
    assert {(error.row, error.column, error.code) for error in errors} == {
        (1, "sku", "invalid-sku"),
        (1, "date_manufactured", "invalid"),
        (2, "name", "required"),
        (2, "price", "required"),
        (2, "currency", "required"),
        (3, "stock", "bounds"),
        (4, "", "malformed-row"),
        (5, "currency", "invalid-currency"),
    }
    assert shop.products.get_by_sku("N-6").stock == 0


def test_stock_is_set_or_changed_as_the_column_says(shop):
    first, second = in_catalogue(shop, sku="A-1", stock=7), in_catalogue(shop, sku="A-2", stock=7)
    ended, _ = imported(shop, b"sku,stock\nA-1,3\n", ImportKind.STOCK)
    assert ended.rows_done == 1
    data = b"sku,stock,delta\nA-1,,2\nA-2,,-8\nA-2,1,1\nA-3,1,\n"
    ended, errors = imported(shop, data, ImportKind.STOCK)
    assert [shop.products.get(each.id).stock for each in (first, second)] == [5, 7]
    assert (ended.rows_done, ended.rows_failed) == (1, 3)
    found = [(error.row, error.column, error.code) for error in errors]
    assert sorted(found) == [(2, "delta", "insufficient-stock"), (3, "", "one-of"), (4, "sku", "unknown-sku")]


def test_rows_of_one_sku_take_effect_in_their_order(shop):
    data = b"sku,name,price,currency\n" + b"".join(b"A-1,Name %d,1.00,EUR\n" % number for number in range(5))
    ended, _ = imported(shop, data)
    found = shop.products.get_by_sku("A-1")
    assert (ended.rows_done, found.name, found.version) == (5, "Name 4", 5)


def test_a_step_takes_no_more_rows_than_it_may_and_no_sku_twice():
    rows = [Row(number, number, {"sku": sku}) for number, sku in enumerate([*map(str, range(120)), "7", "7"])]
    assert [len(batch.rows) for batch in batches(rows, may_repeat=False)] == [50, 50, 21, 1]
    assert [len(batch.rows) for batch in batches(rows, may_repeat=True)] == [50, 50, 22]


def test_a_sku_that_is_a_deep_value_is_an_error_of_its_row(shop):
    deep = b'{"sku": ' + b"[" * 1_000 + b"]" * 1_000 + b"}\n"
    good = b'{"sku": "N-1", "name": "Pear", "price": "1.50", "currency": "EUR"}\n'
    ended, errors = imported(shop, deep * 2 + good, format=NDJSON)
    assert (ended.status, ended.rows_done, ended.rows_failed) == (TransferStatus.DONE, 1, 2)
    assert [(error.row, error.code) for error in errors] == [(1, "invalid-sku"), (2, "invalid-sku")]


@pytest.mark.parametrize("format", [CSV, NDJSON])
@pytest.mark.parametrize("kind", [*ImportKind])
def test_empty_lines_are_steps_so_that_the_lease_goes_on(shop, kind, format):
    head = b"sku,stock\n" if format is CSV else b""
    row = b"A-1,7\n" if format is CSV else b'{"sku": "A-1", "stock": 7}\n'
    in_catalogue(shop, sku="A-1", stock=7)
    data = head + row + b"\n" * (3 * CHUNK_BYTES) + row
    ended, _ = imported(shop, data, kind, format)
    assert (ended.status, ended.rows_done, ended.rows_failed) == (TransferStatus.DONE, 2, 0)
    assert (ended.step, ended.cursor) == (5, str(len(data)))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "required"),
        (b"\xff\xfes\x00k\x00", "not-utf-8"),
        ("sku,name\nA-1,Müller\n".encode("latin-1"), "not-utf-8"),
        (b"sku;name\nA-1;Pear\n", "unknown-column"),
        (b"sku,colour\n", "unknown-column"),
        (b"sku,sku\n", "repeated-column"),
        (b"\x1f\x8b\x08\x00\x00\x00", "not-utf-8"),
        (b"PK\x03\x04\n", "unknown-column"),
        (b'"' + b"a" * 70_000, "row-too-long"),
    ],
)
def test_data_that_cannot_be_read_is_refused_at_once_and_leaves_nothing(shop, data, code):
    with pytest.raises(Invalid) as refused:
        received(shop, data)
    assert [error.code for error in refused.value.errors] == [code]
    (made,) = shop.transfers.page(Direction.IMPORT, 10, None).results
    assert made.status is TransferStatus.CANCELLED


def test_a_byte_order_mark_is_no_part_of_the_first_column(shop):
    ended, _ = imported(shop, b"\xef\xbb\xbf" + HEADER + b"A-1,Pear,,,,,1.00,EUR,\n")
    assert ended.rows_done == 1


def test_an_upload_that_is_cut_short_waits_to_be_repeated(shop):
    request = a_request()
    make = {"shop": shop, "kind": ImportKind.PRODUCTS, "format": CSV, "by": "someone"}
    made = import_create(request=request, **make).value
    data = HEADER + b"A-1,Pear,,,,,1.00,EUR,\n"
    with pytest.raises(UploadCutShort):
        import_receive(shop=shop, id=made.id, read=reading(data[:-5]), size=len(data))
    assert import_create(request=request, **make).value.id == made.id
    assert import_receive(shop=shop, id=made.id, read=reading(data), size=len(data)).status is TransferStatus.QUEUED


def test_an_upload_that_is_cut_short_and_cannot_be_repeated_makes_room_at_once(shop):
    made = import_create(shop=shop, request=a_request(), kind=ImportKind.PRODUCTS, format=CSV, by="someone").value
    data = HEADER + b"A-1,Pear,,,,,1.00,EUR,\n"
    with pytest.raises(UploadCutShort):
        import_receive(shop=shop, id=made.id, read=reading(data[:-5]), size=len(data), may_repeat=False)
    assert shop.transfers.get(Direction.IMPORT, made.id).status is TransferStatus.CANCELLED
    assert (shop.transfers.stored, shop.transfers.data) == (set(), {})


def test_an_upload_for_which_there_was_no_room_is_repeated_once_there_is(shop, monkeypatch):
    made = import_create(shop=shop, request=a_request(), kind=ImportKind.PRODUCTS, format=CSV, by="someone").value
    data = HEADER + b"A-1,Pear,,,,,1.00,EUR,\n" + b"\n" * CHUNK_BYTES
    monkeypatch.setattr("tests.fakes.transfers.MAX_STORED_BYTES", CHUNK_BYTES)
    with pytest.raises(TransfersFull):
        import_receive(shop=shop, id=made.id, read=reading(data), size=len(data))
    assert shop.transfers.chunk(made.id, 0) is None
    monkeypatch.undo()
    assert import_receive(shop=shop, id=made.id, read=reading(data), size=len(data)).status is TransferStatus.QUEUED


def test_an_upload_of_an_import_that_was_cancelled_is_refused_before_it_is_read(shop):
    made = import_create(shop=shop, request=a_request(), kind=ImportKind.PRODUCTS, format=CSV, by="someone").value
    shop.transfers.cancel(a_request(), made.id, shop.clock.now())
    with pytest.raises(UploadLost):
        import_receive(shop=shop, id=made.id, read=lambda size: pytest.fail("It is read."), size=9)


def test_an_upload_that_another_one_has_taken_over_drops_nothing_of_that(shop):
    made = import_create(shop=shop, request=a_request(), kind=ImportKind.PRODUCTS, format=CSV, by="someone").value
    data = HEADER + b"A-1,Pear,,,,,1.00,EUR,\n"
    read = reading(data)

    def overtaken(size: int) -> bytes:
        import_receive(shop=shop, id=made.id, read=reading(data), size=len(data))
        return read(size)

    with pytest.raises(UploadLost):
        import_receive(shop=shop, id=made.id, read=overtaken, size=len(data), may_repeat=False)
    assert shop.transfers.get(Direction.IMPORT, made.id).status is TransferStatus.QUEUED
    assert shop.transfers.chunk(made.id, 0) == data


def test_a_repeat_of_a_whole_upload_compares_the_data(shop):
    data = HEADER + b"A-1,Pear,,,,,1.00,EUR,\n"
    made = received(shop, data)
    assert import_receive(shop=shop, id=made.id, read=reading(data), size=len(data)) == made
    with pytest.raises(IdempotencyKeyReused):
        import_receive(shop=shop, id=made.id, read=reading(data + b"\n"), size=len(data) + 1)


def test_a_row_that_is_too_long_ends_the_import_behind_the_rows_before_it(shop):
    data = HEADER + b"A-1,Pear,,,,,1.00,EUR,\n" + b'A-2,"' + b"a" * 70_000
    ended, _ = imported(shop, data)
    assert (ended.status, ended.rows_done) == (TransferStatus.FAILED, 1)
    assert shop.products.get_by_sku("A-1").name == "Pear"
    assert ended.error.startswith("row-too-long")


def test_data_that_is_gone_is_not_the_end_of_the_data_and_half_a_row_is_not_carried_out(shop):
    row = b"A-1,1999\n"
    data = b"sku,stock\n" + b"A-2,7\n" * ((CHUNK_BYTES - 13) // 6)
    data += row * 2
    product, other = (in_catalogue(shop, sku=sku, stock=1) for sku in ("A-1", "A-2"))
    assert data[:CHUNK_BYTES].rpartition(b"\n")[2].startswith(b"A-1,1")
    made = received(shop, data, ImportKind.STOCK)
    del shop.transfers.data[made.id][1]
    while transfers.run(shop):
        pass
    ended = shop.transfers.get(Direction.IMPORT, made.id)
    assert (ended.status, ended.error.partition(":")[0]) == (TransferStatus.FAILED, "data-gone")
    assert [shop.products.get(each.id).stock for each in (product, other)] == [1, 7]


def test_quotes_line_breaks_and_empty_lines_are_read_as_the_standard_has_them():
    data = b'sku,name\r\nA-1,"two\r\nlines, ""quoted"""\r\n\r\nA-2,plain\n'
    rows = rows_of(data)
    assert [row.values for row in rows] == [
        {"sku": "A-1", "name": 'two\r\nlines, "quoted"'},
        {"sku": "A-2", "name": "plain"},
    ]
    assert rows[-1].end == len(data)


def test_reading_goes_on_at_the_end_of_any_row():
    data = b"sku,name\n" + b"".join(b'A-%d,"name\n%d"\n' % (number, number) for number in range(40_000))
    rows = rows_of(data)
    assert len(rows) == 40_000
    assert len(data) > 2 * CHUNK_BYTES
    for place in (0, 17, 20_000, 39_998):
        assert rows_of(data, begin=rows[place].end, number=rows[place].number)[:50] == rows[place + 1 : place + 51]


@pytest.mark.parametrize(
    "text",
    [
        "\n=1",
        "\r=1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
        "'\uff1d1",
        "=1+1",
        "+4",
        "-4",
        "@SUM(A1)",
        "\tx",
        "'=1",
        "''=1",
        "'",
        "'quoted'",
        "plain",
        "",
    ],
)
def test_a_formula_is_written_as_text_and_read_as_it_was(text):
    written = guarded(text)
    assert unguarded(written) == text
    assert not written.startswith(tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"))


def test_rows_that_were_written_are_read_as_they_were():
    rows = [{"sku": "A-1", "name": '=HYPERLINK("x")'}, {"sku": "A-2", "name": 'a "b",\nc'}]
    for format in (CSV, NDJSON):
        data = transfer_rows.header_bytes(format, ["sku", "name"]) + rows_bytes(format, ["sku", "name"], rows)
        assert [dict(row.values) for row in rows_of(data, format)] == rows


def test_hostile_data_never_fails_but_as_a_fault_of_the_data():
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    alphabet = [
        b'"',
        b",",
        b"\n",
        b"\r",
        b"\x00",
        b"a",
        b"\xc3\xa9",
        b"\xff",
        b"=",
        b"{",
        b'"sku":',
        b"}",
        b"\xef\xbb\xbf",
    ]
    for _ in range(3_000):
        body = b"".join(chance.choices(alphabet, k=chance.randrange(60)))
        for format, data in ((CSV, b"sku,name\n" + body), (NDJSON, body), (CSV, body)):
            try:
                rows = rows_of(data, format)
            except TransferFault:
                continue
            assert [row.number for row in rows] == list(range(1, len(rows) + 1)), f"seed {seed}"
            assert all(before.end <= after.end <= len(data) for before, after in pairwise(rows))


def test_a_product_of_an_import_has_the_same_id_in_every_repeat():
    name = "019a6e30-1b58-7f10-8c2d-0a1b2c3d4e5f"
    assert product_id(name, 1) == product_id(name, 1) != product_id(name, 2)
    assert product_id(name, 1).startswith(name[:13])


def test_a_cancelled_import_is_left_where_it_is(shop):
    made = received(shop, HEADER + b"A-1,Pear,,,,,1.00,EUR,\n")
    held = shop.transfers.claim(a_request(), LEASE).value
    shop.transfers.cancel(a_request(), made.id, shop.clock.now())
    with pytest.raises(ClaimLost):
        transfers._carry_out(shop, replace(held), time.monotonic())
    assert shop.transfers.get(Direction.IMPORT, made.id).status is TransferStatus.CANCELLED
    with pytest.raises(NotFound):
        shop.products.get_by_sku("NO-SUCH")


@pytest.mark.parametrize("slow", ["claim", "advance"])
def test_a_worker_that_stands_still_until_its_lease_may_be_over_writes_no_row(shop, monkeypatch, slow):
    """Its clock is set forward behind the write that begins a lease."""
    for number in range(60):
        in_catalogue(shop, sku=f"K-{number}")
    made = received(shop, b"sku,name\n" + b"".join(b"K-%d,Renamed\n" % number for number in range(60)))
    stood_still_s, act, clock = 0.0, getattr(shop.transfers, slow), time.monotonic

    def late(*arguments):
        nonlocal stood_still_s
        result = act(*arguments)
        stood_still_s = LEASE.total_seconds()
        return result

    monkeypatch.setattr(time, "monotonic", lambda: clock() + stood_still_s)
    monkeypatch.setattr(shop.transfers, slow, late)
    assert transfers.run(shop)
    assert shop.transfers.get(Direction.IMPORT, made.id).status is TransferStatus.RUNNING
    versions = [shop.products.get_by_sku(f"K-{number}").version for number in range(60)]
    assert versions == [1] * 60 if slow == "claim" else [2] * 50 + [1] * 10


def test_imports_that_wait_have_their_turn_before_the_end_of_a_long_one(shop, monkeypatch):
    monkeypatch.setattr(transfers, "TURN_STEPS", 2)
    product = in_catalogue(shop, sku="A-1", stock=0)
    long, short = (received(shop, b"sku,delta\n" + b"A-1,1\n" * rows, ImportKind.STOCK).id for rows in (250, 30))
    ended = []
    while transfers.run(shop):
        ended += [each.id for each in shop.transfers.transfers.values() if each.is_ended and each.id not in ended]
    assert ended == [short, long]
    assert [shop.transfers.get(Direction.IMPORT, id).rows_done for id in ended] == [30, 250]
    assert shop.products.get(product.id).stock == 280


class Killed(BaseException):
    """The worker dies."""


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("kind", [*ImportKind])
def test_a_worker_that_dies_at_any_write_doubles_and_loses_no_row(monkeypatch, kind, is_done):
    """Dies before its nth write or behind it, for every n; the next worker finds what the store has."""
    for fatal in range(1, 40):
        store = FakeStore()
        shop = fake_shop(store)
        assert isinstance(shop.transfers, FakeTransfers)
        known = [in_catalogue(shop, sku=f"K-{number}", stock=0) for number in range(3)]
        rows = [*(f"K-{number}" for number in range(3)), *(f"N-{number}" for number in range(60))] * 2
        if kind is ImportKind.STOCK:
            rows = [f"K-{number % 3}" for number in range(300)]
            data = "sku,delta\n" + "".join(f"{sku},2\n" for sku in rows)
        else:
            data = "sku,name,price,currency\n" + "".join(f"{sku},New name,1.00,EUR\n" for sku in rows)
        made = received(shop, data.encode(), kind)
        count, once = 0, store.once

        def dying(request, effect, subject=None, *, fatal=fatal, once=once):
            nonlocal count
            count += 1
            if count == fatal and not is_done:
                raise Killed
            result = once(request, effect, subject)
            if count == fatal:
                raise Killed
            return result

        monkeypatch.setattr(store, "once", dying)
        try:
            transfers.run(shop)
            has_died = False
        except Killed:
            has_died = True
        monkeypatch.undo()
        shop.transfers.due.update(dict.fromkeys(shop.transfers.due, shop.transfers.transfers[made.id].created_at))
        transfers.run(shop)
        ended = shop.transfers.get(Direction.IMPORT, made.id)
        assert (ended.status, ended.rows_done, ended.rows_failed) == (TransferStatus.DONE, len(rows), 0)
        if kind is ImportKind.STOCK:
            assert [shop.products.get(each.id).stock for each in known] == [200, 200, 200]
        else:
            assert {shop.products.get(each.id).version for each in known} == {2}
            assert {shop.products.get_by_sku(f"N-{number}").version for number in range(60)} == {1}
        if not has_died:
            return
    raise AssertionError("The import has more writes than this test expects.")
