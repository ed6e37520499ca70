"""`import_products` and `export_purchases`, on the shop in memory."""

import time
from types import SimpleNamespace

import orjson
import pytest
from django.core.management import CommandError, call_command

from exactly_once.errors import StoreUnavailable
from shop.management.commands import export_purchases, import_products
from tests.fakes import FakeStore, fake_shop
from tests.samples import in_catalogue, placed, registered, units


@pytest.fixture
def store():
    return FakeStore()


@pytest.fixture
def shop(store, monkeypatch):
    shop = fake_shop(store)
    for command in (import_products, export_purchases):
        monkeypatch.setattr(command, "answering", lambda: SimpleNamespace(shop=shop))
    return shop


def test_a_file_of_products_is_imported_and_refused_rows_are_printed(shop, tmp_path, capsys):
    file = tmp_path / "products.csv"
    file.write_text("sku,name,price,currency\nA-1,Pear,1.00,EUR\nA-2,,1.00,EUR\n", "utf-8")
    with pytest.raises(CommandError) as refused:
        call_command("import_products", str(file))
    assert (refused.value.returncode, str(refused.value)) == (1, "1 rows were carried out, 1 refused.")
    assert "row 2, name: required" in capsys.readouterr().err
    assert shop.products.get_by_sku("A-1").name == "Pear"


def test_an_import_that_is_run_again_changes_nothing(shop, tmp_path, capsys):
    file = tmp_path / "products.ndjson"
    file.write_bytes(orjson.dumps({"sku": "A-1", "name": "Pear", "price": "1.00", "currency": "EUR"}))
    for _ in range(2):
        call_command("import_products", str(file))
    assert capsys.readouterr().out == "1 rows were carried out.\n" * 2
    assert shop.products.get_by_sku("A-1").version == 1


@pytest.mark.parametrize(
    ("name", "data"), [("products.xlsx", b"PK"), ("missing.csv", None), ("products.csv", b"sku;name\n")]
)
def test_a_file_that_cannot_be_read_is_said_to_be_so(shop, tmp_path, name, data):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(CommandError) as refused:
        call_command("import_products", str(tmp_path / name))
    assert refused.value.returncode == 2


def test_an_import_waits_for_a_store_that_is_away(shop, store, tmp_path, monkeypatch):
    file = tmp_path / "products.csv"
    file.write_text("sku,name,price,currency\nA-1,Pear,1.00,EUR\n", "utf-8")
    store.unavailable = StoreUnavailable()
    monkeypatch.setattr(time, "sleep", lambda _: setattr(store, "unavailable", None))
    call_command("import_products", str(file))
    assert shop.products.get_by_sku("A-1")


def test_an_import_waits_while_the_shop_has_no_room_and_says_so_once(shop, tmp_path, monkeypatch, capsys):
    file = tmp_path / "products.csv"
    file.write_text("sku,name,price,currency\nA-1,Pear,1.00,EUR\n", "utf-8")
    shop.transfers.has_little_memory = True
    found = []

    def sleep(_):
        found.append(len(shop.transfers.store.products))
        shop.transfers.has_little_memory = len(found) < 3

    monkeypatch.setattr(time, "sleep", sleep)
    call_command("import_products", str(file))
    assert (found, capsys.readouterr().err.count("Waiting")) == ([0, 0, 0], 1)
    assert shop.products.get_by_sku("A-1")


def test_the_outcomes_of_rows_last_a_little_longer_than_a_batch_is_repeated(shop, store, tmp_path, monkeypatch):
    in_catalogue(shop, sku="A-1")
    file = tmp_path / "products.csv"
    file.write_text("sku,name\nA-1,Renamed\n", "utf-8")
    lasting, once = [], store.once
    monkeypatch.setattr(store, "once", lambda request, *rest: lasting.append(request.ttl_s) or once(request, *rest))
    call_command("import_products", str(file))
    assert [import_products.MAX_AWAY_S < ttl_s <= 90 for ttl_s in lasting] == [True]


def test_purchases_are_exported_for_their_owner_alone(shop, tmp_path, capsys):
    user, product = registered(shop), in_catalogue(shop, stock=1000)
    made = [placed(shop, user.id, units(product, 1)) for _ in range(130)]
    file = tmp_path / "purchases.ndjson"
    call_command("export_purchases", str(file))
    assert [orjson.loads(line)["id"] for line in file.read_bytes().splitlines()] == [each.id for each in made]
    assert (file.stat().st_mode & 0o777, capsys.readouterr().out) == (0o600, "130 purchases.\n")
    call_command("export_purchases", str(tmp_path / "none.csv"), "--since", "2100-01-01")
    assert (tmp_path / "none.csv").read_text("utf-8").startswith("id,user,status")


def test_an_export_leaves_a_file_alone_that_is_there(shop, tmp_path):
    file = tmp_path / "purchases.csv"
    file.write_text("mine", "utf-8")
    with pytest.raises(CommandError) as refused:
        call_command("export_purchases", str(file))
    assert (refused.value.returncode, file.read_text("utf-8")) == (2, "mine")
