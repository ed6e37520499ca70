"""Tables of stored fields. One row of a table is all that the repositories know of a field: its name in the hash, its
text, and the text that a record from before the field is read with.

Two versions of the shop may work on one store. A record that lacks a field is read with the field's default; a field
that no row names is ignored by reads and left alone by updates, which set the fields of the table and no others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from itertools import chain
from operator import attrgetter
from typing import Any, Generic, TypeVar

import orjson

E = TypeVar("E")
Decoders = tuple[tuple[str, Callable[[Any], Any]], ...]
#: Between the texts of a record on a page, and instead of one that it lacks, as lua/parts/product_records.lua has them:
#: no stored text has either.
SEPARATOR, ABSENT = "\0", "\1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Writes(Enum):
    """Which writes set a field: the creation and every update, the creation alone, or scripts by their own rules."""

    ALWAYS = auto()
    CREATION = auto()
    SCRIPTS = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field of a hash. `value` takes it from an entity, by default the attribute of the same name; `encode` makes
    its text, and `decode` reads that. `default` is the text that a record of an earlier version is read with, or
    `default_field` names the field whose text it is: neither where every record has the field. Indexes need some fields
    that no entity has: `is_read` is False there."""

    name: str
    value: Callable[[Any], Any] | None = None
    encode: Callable[[Any], str | int] = str
    decode: Callable[[str], Any] = str
    default: str | None = None
    default_field: str = ""
    writes: Writes = Writes.ALWAYS
    is_read: bool = True

    def value_of(self, entity: Any) -> Any:
        return (self.value or attrgetter(self.name))(entity)

    @property
    def has_default(self) -> bool:
        """Whether a record may lack the field."""
        return self.default is not None or bool(self.default_field)

    def text_in(self, record: Mapping[str, str | None]) -> str:
        """The stored text, or its default.

        Raises:
            KeyError: the record lacks it, and there is no default.
        """
        found = record.get(self.name)
        if found is None:
            found = record.get(self.default_field) if self.default_field else self.default
        if found is None:
            raise KeyError(self.name)
        return found


class Table(Generic[E]):
    """The stored fields of one kind of entity. `make` builds the entity from the values of the fields that are read.
    `script_fields` are further fields of the hash that scripts alone read and set."""

    def __init__(self, *fields: Field, make: Callable[[dict[str, Any]], E], script_fields: Sequence[str] = ()) -> None:
        self.fields = fields
        self.script_fields = tuple(script_fields)
        self._make = make
        self._decoders: tuple[Sequence[Field], Decoders] = ((), ())

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that are read, in the order of the table."""
        return tuple(name for name, _ in self.decoders)

    @property
    def decoders(self) -> Decoders:
        """Name and decoder of each field that is read. Every request decodes dozens of fields, so the list is made
        once, and again only where a later version has added fields."""
        fields, decoders = self._decoders
        if fields is not self.fields:
            decoders = tuple((field.name, field.decode) for field in self.fields if field.is_read)
            self._decoders = (self.fields, decoders)
        return decoders

    def read(self, record: Mapping[str, str]) -> E:
        """The entity of a stored hash.

        Raises:
            KeyError, ValueError: the record is damaged.
        """
        try:
            return self._make({name: decode(record[name]) for name, decode in self.decoders})
        except KeyError:
            # A field is missing: it may have a default.
            pass
        return self._make({field.name: field.decode(field.text_in(record)) for field in self.fields if field.is_read})

    def with_defaults(self, texts: Mapping[str, str | None]) -> dict[str, str]:
        """These texts by the names of their fields, with defaults in the place of those that the record lacks.

        Raises:
            KeyError: it lacks one that has no default.
        """
        return {field.name: field.text_in(texts) for field in self.fields if field.name in texts}

    def read_flat(self, flat: Sequence[str]) -> E:
        """The entity of a hash that is listed as field, value, field, value.

        Raises:
            KeyError, ValueError: the record is damaged.
        """
        return self.read(pairs(flat))

    def creation(self, entity: E, **further: str | int) -> str:
        """A new record as scripts take it: a JSON list of field, text, field, text. `further` are script fields."""
        return _flat({**self.texts(entity), **further})

    def update(self, entity: E) -> str:
        """What an update sets, as scripts take it."""
        return _flat(self.texts(entity, Writes.ALWAYS))

    def creation_of(self, values: Mapping[str, Any]) -> str:
        """As `creation`, where the script makes the entity: from the values of the fields that it does not set itself;
        one that is left out gets its default.

        Raises:
            KeyError: there is no such field, or a value is missing.
        """
        rest = dict(values)
        texts = {field.name: _text(field, rest) for field in self.fields if field.writes is not Writes.SCRIPTS}
        if rest:
            raise KeyError(*rest)
        return _flat(texts)

    def texts(self, entity: E, *writes: Writes) -> dict[str, str | int]:
        """The texts of the fields that these writes set; with none named, those that the creation sets.

        Raises:
            ValueError: one has a character that separates the texts of a page; a record with it would fail each page
                that it is on.
        """
        fields = [field for field in self.fields if field.writes in (writes or (Writes.ALWAYS, Writes.CREATION))]
        return {field.name: _separable(field, field.encode(field.value_of(entity))) for field in fields}


def pairs(flat: Sequence[str]) -> dict[str, str]:
    """The hash that the store lists as field, value, field, value."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND


def instant(milliseconds: str | int) -> datetime:
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


def whole(name: str, **more: Any) -> Field:
    """A field that holds an integer."""
    return Field(name=name, decode=int, **more)


def moment(name: str, **more: Any) -> Field:
    """A field that holds an instant, in milliseconds since 1970."""
    return Field(name=name, encode=milliseconds, decode=instant, **more)


def _separable(field: Field, text: str | int) -> str | int:
    if isinstance(text, str) and (SEPARATOR in text or ABSENT in text):
        raise ValueError(f"{field.name}: a stored text has neither NUL nor SOH.")
    return text


def _text(field: Field, rest: dict[str, Any]) -> str | int:
    if field.name in rest:
        return field.encode(rest.pop(field.name))
    if field.default is None:
        raise KeyError(field.name)
    return field.default


def _flat(texts: Mapping[str, str | int]) -> str:
    return orjson.dumps([*map(str, chain.from_iterable(texts.items()))]).decode()
