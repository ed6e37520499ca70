"""What a table reads of records that this version did not write, and what it writes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.api.rendering import as_json
from shop.domain.money import Money
from shop.domain.products import MAX_UNITS, Product, product_document
from shop.repositories.records import PRODUCT, PURCHASE, TABLES, USER, pairs
from shop.repositories.records import products as record_of_products
from shop.repositories.records.fields import Field, Table, Writes, moment, whole
from shop.repositories.records.products import (
    DOCUMENT_FIELDS,
    LIVE_FIELDS,
    ListedRecord,
    document,
    edited_fields,
    json_document,
    listed_document,
    listed_record,
)
from tests.fakes import fake_shop
from tests.samples import a_product, a_user, euros, in_catalogue, placed, registered, units


@dataclass(frozen=True, kw_only=True)
class Thing:
    id: str
    size: int
    colour: str


THING = Table(
    Field(name="id"),
    whole("size", default="7", writes=Writes.CREATION),
    Field(name="colour", default="red"),
    Field(name="shade", value=lambda thing: thing.colour[0], is_read=False, default=""),
    make=lambda values: Thing(**values),
)


#: What the store has: no text has control characters but of white space.
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\1"), max_size=40)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
)
products = st.builds(
    Product,
    id=texts,
    sku=texts,
    name=texts,
    description=texts,
    category=texts,
    company=texts,
    date_manufactured=st.none() | st.dates(),
    price=st.builds(Money, minor=st.integers(0, 10**12), currency=st.sampled_from(["EUR", "JPY", "KWD", "CLF", "BGN"])),
    stock=st.integers(0, MAX_UNITS),
    created_at=instants,
    updated_at=instants,
    stock_changed_at=instants,
    version=st.integers(1, 10**9),
)


@given(product=products)
def test_a_product_in_a_list_has_the_bytes_of_the_product_alone(product):
    stored = {name: str(text) for name, text in PRODUCT.texts(product).items()}
    listed = document([stored[name] for name in DOCUMENT_FIELDS])
    assert as_json(listed) == as_json(product_document(product))


stored_products = st.builds(
    replace,
    products,
    description=st.one_of(texts, st.just('"\\\n\u2028' * 400)),
)


def in_a_page(stored: Mapping[str, str], member: str = "key\0001000000001") -> tuple[str, ListedRecord]:
    """The record as parts/product_records.lua joins its texts."""
    texts = [stored.get(name, "\1") for name in (*edited_fields(), *LIVE_FIELDS)]
    return listed_record("\0".join([*texts, member]))


@given(product=stored_products, lacks_instant=st.booleans())
def test_the_json_of_a_product_in_a_page_has_the_bytes_of_the_product_alone(product, lacks_instant):
    stored = {name: str(text) for name, text in PRODUCT.texts(product).items()}
    if lacks_instant:
        del stored["stock_changed_at"]
    key, record = in_a_page(stored)
    assert key == "key\0001000000001"
    assert json_document(record) == json_document(record) == as_json(product_document(PRODUCT.read(stored)))
    assert as_json(listed_document(record)) == json_document(record)


def test_the_json_of_a_product_has_its_present_stock_whatever_is_remembered():
    product = a_product(fake_shop())
    for stock in (3, 0, 3):
        present = replace(product, stock=stock, stock_changed_at=product.created_at + timedelta(seconds=stock))
        stored = {name: str(text) for name, text in PRODUCT.texts(present).items()}
        assert json_document(in_a_page(stored)[1]) == as_json(product_document(present))


def test_the_json_of_a_product_without_a_field_has_its_default(monkeypatch):
    fields = [replace(field, default="Acme") if field.name == "company" else field for field in PRODUCT.fields]
    monkeypatch.setattr(PRODUCT, "fields", tuple(fields))
    stored = {name: str(text) for name, text in PRODUCT.texts(a_product(fake_shop())).items() if name != "company"}
    assert orjson.loads(json_document(in_a_page(stored)[1]))["company"] == "Acme"


def test_no_more_is_remembered_of_products_than_the_bounds_allow():
    long = {name: str(text) for name, text in PRODUCT.texts(a_product(fake_shop(), description="x" * 2000)).items()}
    remembered = record_of_products._remembered_frame.cache_info().currsize
    json_document(in_a_page(long)[1])
    assert record_of_products._remembered_frame.cache_info().currsize == remembered
    assert record_of_products._remembered_frame.cache_info().maxsize == record_of_products.MAX_FRAMES


def test_a_damaged_record_has_no_json():
    stored = {name: str(text) for name, text in PRODUCT.texts(a_product(fake_shop())).items()}
    for name in ("stock", "created_at", "sku"):
        with pytest.raises((KeyError, ValueError)):
            json_document(in_a_page({other: text for other, text in stored.items() if other != name})[1])


def test_a_damaged_record_is_no_document():
    stored = {name: str(text) for name, text in PRODUCT.texts(a_product(fake_shop())).items()}
    for damaged in ({**stored, "stock": None}, {**stored, "created_at": "?"}):
        with pytest.raises((KeyError, ValueError)):
            document([damaged[name] for name in DOCUMENT_FIELDS])


def test_a_product_in_a_list_that_lacks_a_field_has_its_default(monkeypatch):
    fields = [replace(field, default="Acme") if field.name == "company" else field for field in PRODUCT.fields]
    monkeypatch.setattr(PRODUCT, "fields", tuple(fields))
    stored = {name: str(text) for name, text in PRODUCT.texts(a_product(fake_shop())).items()}
    listed = document([{**stored, "company": None}[name] for name in DOCUMENT_FIELDS])
    assert listed["company"] == "Acme"


def written(flat: str) -> dict[str, str]:
    return pairs(orjson.loads(flat))


def test_a_record_that_lacks_a_field_is_read_with_its_default():
    assert THING.read({"id": "a"}) == Thing(id="a", size=7, colour="red")


def test_a_record_that_lacks_a_field_is_read_with_the_text_of_another_that_stands_in_for_it():
    table = Table(Field(name="id"), Field(name="name", default_field="id"), make=lambda values: values["name"])
    assert [table.read({"id": "b"}), table.read({"id": "b", "name": "c"})] == ["b", "c"]
    assert table.with_defaults({"id": "b", "name": None}) == {"id": "b", "name": "b"}


def test_the_stock_of_a_product_without_an_instant_of_change_has_not_changed_since_its_creation():
    product = a_product(fake_shop())
    stored = {name: str(text) for name, text in PRODUCT.texts(product).items() if name != "stock_changed_at"}
    assert PRODUCT.read(stored).stock_changed_at == product.created_at
    assert document([stored.get(name) for name in DOCUMENT_FIELDS])["stock_changed_at"] == product.created_at


def test_a_field_that_no_row_names_is_ignored():
    assert THING.read_flat(["id", "a", "weight", "9", "size", "1"]) == Thing(id="a", size=1, colour="red")


def test_a_record_that_lacks_a_field_without_a_default_is_damaged():
    with pytest.raises(KeyError, match="id"):
        THING.read({"size": "1"})


def test_a_creation_writes_every_field_and_an_update_those_that_may_change():
    thing = Thing(id="a", size=3, colour="blue")
    every = {"id": "a", "size": "3", "colour": "blue", "shade": "b"}
    assert written(THING.creation(thing)) == every
    assert written(THING.creation(thing, weight=9)) == {**every, "weight": "9"}
    assert written(THING.update(thing)) == {"id": "a", "colour": "blue", "shade": "b"}


def test_a_creation_of_values_takes_defaults_and_refuses_what_it_does_not_know():
    assert written(THING.creation_of({"id": "a", "size": 3})) == {"id": "a", "size": "3", "colour": "red", "shade": ""}
    with pytest.raises(KeyError, match="weight"):
        THING.creation_of({"id": "a", "weight": 1})
    with pytest.raises(KeyError, match="id"):
        THING.creation_of({"size": 3})


def test_users_and_products_are_read_as_they_were_written():
    shop = fake_shop()
    user, product = a_user(shop, email="Ünïcode@example.com"), a_product(shop, price=euros("0.07"))
    assert USER.read(written(USER.creation(user, password="secret"))) == user
    assert PRODUCT.read(written(PRODUCT.creation(product))) == product


@pytest.mark.parametrize("character", ["\0", "\1"])
@pytest.mark.parametrize("name", ["sku", "name", "description", "category", "company"])
def test_what_separates_the_texts_of_a_page_is_in_no_stored_text(name, character):
    product = replace(a_product(fake_shop()), **{name: f"App{character}le"})
    for write in (PRODUCT.creation, PRODUCT.update):
        with pytest.raises(ValueError, match=name):
            write(product)


def test_an_update_of_a_product_leaves_its_stock_alone():
    assert written(PRODUCT.update(a_product(fake_shop()))).keys() & {"stock", "stock_changed_at"} == set()


def test_the_password_is_no_field_of_a_user():
    assert "password" not in {field.name for field in USER.fields}
    assert "password" in USER.script_fields


def test_rows_of_a_purchase_may_be_longer_than_this_version_knows():
    shop = fake_shop()
    purchase = placed(shop, registered(shop).id, units(in_catalogue(shop), 2))
    (item,), (event,) = purchase.items, purchase.history
    known = {"id": purchase.id, "user": purchase.user, "status": purchase.status, "version": 1}
    instants = {"created_at": purchase.created_at, "updated_at": purchase.updated_at, "history": purchase.history}
    record = written(PURCHASE.creation_of({**known, **instants}))
    row = [item.product, item.sku, item.name, str(item.unit_price.minor), 2, str(item.line_total.minor), "a gift"]
    history = [[*row_, "by hand"] for row_ in orjson.loads(record["history"])]
    stored = {"items": orjson.dumps([row]).decode(), "total": str(purchase.total.minor), "currency": "EUR"}
    assert PURCHASE.read({**record, **stored, "history": orjson.dumps(history).decode()}) == purchase
    assert event.by == purchase.user


def test_an_instant_and_a_number_are_what_they_were():
    table = Table(moment("at"), whole("count"), make=lambda values: values)
    at = fake_shop().clock.now()
    assert table.read(written(table.creation_of({"at": at, "count": 2**53}))) == {"at": at, "count": 2**53}


def test_no_two_rows_of_a_table_have_the_same_name():
    for table in TABLES.values():
        named = [*(field.name for field in table.fields), *table.script_fields]
        assert len(set(named)) == len(named)
