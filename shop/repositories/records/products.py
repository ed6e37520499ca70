"""The stored fields of a product."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from shop.domain.money import Money, decimal_text
from shop.domain.products import Product, ProductDocument
from shop.repositories.records.fields import ABSENT, SEPARATOR, Field, Table, Writes, instant, moment, whole


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _product(values: dict[str, Any]) -> Product:
    price = Money(minor=values.pop("price"), currency=values.pop("currency"))
    return Product(price=price, **values)


PRODUCT = Table(
    Field(name="id"),
    Field(name="sku"),
    Field(name="name"),
    Field(name="description"),
    Field(name="category"),
    Field(name="company"),
    Field(name="date_manufactured", encode=lambda day: day.isoformat() if day else "", decode=_date),
    whole("price", value=lambda product: product.price.minor),
    Field(name="currency", value=lambda product: product.price.currency),
    whole("stock", writes=Writes.CREATION),
    moment("created_at"),
    moment("updated_at"),
    whole("version"),
    moment("stock_changed_at", default_field="created_at", writes=Writes.CREATION),
    make=_product,
    script_fields=("number", "opening", "adjusted", "withdrawn", "ledger", "carried", "held"),
)

#: The fields that `document` takes, in this order.
DOCUMENT_FIELDS = PRODUCT.names
#: Those that change without an edit. All others have one text for each version of a product.
LIVE_FIELDS = ("stock", "stock_changed_at")
#: Versions of products whose JSON a process has ready, characters of one, and texts of instants.
MAX_FRAMES, MAX_FRAME_CHARS, MAX_INSTANTS = 4096, 1000, 1024


class ListedRecord(NamedTuple):
    """A record as a page has it: the texts of the fields that only an edit changes, joined, and of LIVE_FIELDS."""

    edited: str
    stock: str
    stock_changed_at: str


class _Frame(NamedTuple):
    """The JSON of a version of a product, without what is live: the pieces before, between and behind it; and the text
    that stands in for a missing instant."""

    head: bytes
    middle: bytes
    tail: bytes
    created_at: str


def listed_record(text: str) -> tuple[str, ListedRecord]:
    """Return the sort key and the record in a text of a page."""
    edited, *live, key, number = text.rsplit(SEPARATOR, len(LIVE_FIELDS) + 2)
    return f"{key}{SEPARATOR}{number}", ListedRecord(edited, *live)


def edited_fields() -> tuple[str, ...]:
    """Return the fields of a ListedRecord's joined texts, in this order."""
    return tuple(name for name in DOCUMENT_FIELDS if name not in LIVE_FIELDS)


def listed_document(record: ListedRecord) -> ProductDocument:
    """As `document`, of a record as a page has it."""
    texts = _texts(record)
    return document([texts[name] for name in DOCUMENT_FIELDS])


def json_document(record: ListedRecord) -> bytes:
    """The JSON of `listed_document`. What an edit makes of it is remembered by the texts themselves, not by the id of a
    product: nothing that is remembered can be out of date.

    Raises:
        KeyError, ValueError: the record is damaged.
    """
    is_short = len(record.edited) <= MAX_FRAME_CHARS
    frame, stock = (_remembered_frame if is_short else _frame)(record.edited), int(record.stock)
    changed_at = _instant_json(frame.created_at if record.stock_changed_at == ABSENT else record.stock_changed_at)
    is_sold = b"true" if stock == 0 else b"false"
    return b'%b,"stock":%d,"is_sold":%b,%b,"stock_changed_at":%b,%b' % (
        frame.head,
        stock,
        is_sold,
        frame.middle,
        changed_at,
        frame.tail,
    )


def _frame(edited: str) -> _Frame:
    texts = PRODUCT.with_defaults(_texts(ListedRecord(edited, "0", ABSENT)))
    document = _document(texts)
    names = [*document]
    stock, changed_at = names.index("stock"), names.index("stock_changed_at")
    head, middle, tail = (
        orjson.dumps({name: document[name] for name in part}, option=orjson.OPT_UTC_Z)
        for part in (names[:stock], names[stock + 2 : changed_at], names[changed_at + 1 :])
    )
    return _Frame(head[:-1], middle[1:-1], tail[1:], texts["created_at"])


_remembered_frame = lru_cache(maxsize=MAX_FRAMES)(_frame)


@lru_cache(maxsize=MAX_INSTANTS)
def _instant_json(milliseconds: str) -> bytes:
    return orjson.dumps(instant(milliseconds), option=orjson.OPT_UTC_Z)


def _texts(record: ListedRecord) -> dict[str, str | None]:
    """The texts by the names of their fields; None for a field that the record lacks."""
    names, texts = (*edited_fields(), *LIVE_FIELDS), (*record.edited.split(SEPARATOR), *record[1:])
    return {name: None if text == ABSENT else text for name, text in zip(names, texts, strict=True)}


def document(values: Sequence[str | None]) -> ProductDocument:
    """The JSON document of the product whose fields have these texts, as `product_document` makes it of the entity: a
    page of twenty takes half the time without the entities. None stands for a field that the record lacks.

    Raises:
        KeyError, ValueError: the record is damaged.
    """
    texts: dict[str, Any] = dict(zip(DOCUMENT_FIELDS, values, strict=True))
    return _document(PRODUCT.with_defaults(texts) if None in values else texts)


def _document(texts: Mapping[str, str]) -> ProductDocument:
    price, currency, stock = texts["price"], texts["currency"], texts["stock"]
    return {
        "id": texts["id"],
        "sku": texts["sku"],
        "name": texts["name"],
        "description": texts["description"],
        "category": texts["category"],
        "company": texts["company"],
        "date_manufactured": texts["date_manufactured"] or None,
        "price": decimal_text(price, currency),
        "currency": currency,
        "stock": int(stock),
        "is_sold": stock == "0",
        "created_at": instant(texts["created_at"]),
        "updated_at": instant(texts["updated_at"]),
        "stock_changed_at": instant(texts["stock_changed_at"]),
        "version": int(texts["version"]),
    }
