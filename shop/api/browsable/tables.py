"""Representations as HTML: a list as a table with links to its records, a record as a list of names and values.

Both follow from the fields of the response in the table of operations, and for any other body from its values. Cells
are made here and not by a template: a page has up to a hundred rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from rest_framework.serializers import ListSerializer, Serializer

from shop.api import fields
from shop.api.browsable.labels import label_of

#: Columns of the lists, by collection and operation. Other lists have the first ones of their entries.
COLUMNS: Mapping[str, Sequence[str]] = {
    "products_list": ("name", "sku", "category", "company", "price", "stock"),
    "purchases_list": ("created_at", "status", "items", "total"),
    "vouchers_list": ("code", "kind", "value", "redeemed", "limit", "is_paused"),
    "shipping_methods_list": ("name", "code", "price", "countries", "active"),
    "addresses_list": ("name", "line_1", "postal_code", "city", "country", "is_default"),
    "users_list": ("email", "first_name", "last_name", "role", "created_at"),
    "api_keys_list": ("name", "scopes", "expires_at", "last_used_at"),
    "audit_list": ("at", "operation", "object", "actor", "role", "changes"),
    "events_list": ("at", "type", "object", "data"),
    "webhook_endpoints_list": ("url", "description", "types", "is_enabled", "failing_since"),
    "webhook_endpoints_deliveries": ("created_at", "event", "status", "attempts", "response_status", "error"),
    "products_movements": ("at", "kind", "quantity", "reference", "by"),
    "returns_list": ("created_at", "status", "purchase", "lines", "reason"),
    "imports_list": ("created_at", "kind", "status", "rows_done", "rows_failed", "finished_at"),
    "exports_list": ("created_at", "kind", "status", "rows_done", "bytes", "finished_at"),
    "purchases_returns": ("created_at", "status", "lines", "received", "reason"),
    "auth_sessions": ("created_at", "last_used_at", "expires_at", "is_current"),
}
MAX_COLUMNS = 6
#: Rows of a table inside of a record: a purchase has at most 100 lines.
MAX_INNER_ROWS = 100
#: Names of a list inside of a cell.
MAX_NAMES = 2
#: Characters of a text in a cell.
MAX_CELL_CHARS = 120

_EMPTY = format_html('<span class="muted">{}</span>', "-")
_INNER_TABLE = (
    '<div class="table-wrap" tabindex="0" role="region" aria-label="{}">'
    '<table class="data"><thead>{}</thead><tbody>{}</tbody></table></div>'
)
_TONES = {"staff": "info"}
#: URL names of the records that a field names.
_REFERENCES = {"user": "users-detail", "product": "products-detail", "purchase": "purchases-detail"}
#: Fields whose values are in a monospaced font.
_CODES = frozenset({"id", "sku", "request_id", "object", "actor", "by", "user", "product", "purchase"})
#: Lists whose records are found by another field than their id.
_NAMED_BY = {"vouchers_list": "code", "shipping_methods_list": "code"}
_RECORDS = {"auth_sessions": "auth-session", "purchases_returns": "returns-detail"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table: its head and its rows, as HTML."""

    head: SafeString
    rows: SafeString
    count: int


class Representation:
    """Makes HTML of the bodies of one operation."""

    def __init__(self, basename: str, action: str, response: type[Serializer[Any]] | None) -> None:
        self._name = f"{basename}_{action}"
        self._detail = _RECORDS.get(self._name, f"{basename}-detail")
        self._serializer = response() if response else None

    def table(self, entries: Sequence[Any]) -> Table:
        """Return a page of a list as a table. The first cell of a row links to its record."""
        records = [entry if isinstance(entry, Mapping) else {"value": entry} for entry in entries]
        names = COLUMNS.get(self._name) or _first_names(records)
        fields_of = _fields(self._serializer)
        return Table(
            head=_head(names, fields_of),
            rows=format_html_join("", "<tr>{}</tr>", ((self._row(each, names, fields_of),) for each in records)),
            count=len(records),
        )

    def _row(self, record: Mapping[str, Any], names: Sequence[str], fields_of: Mapping[str, Any]) -> SafeString:
        url = self._record_url(record)
        cells = []
        for index, name in enumerate(names):
            shown = cell(name, record.get(name), record, fields_of.get(name))
            if index == 0 and url:
                shown = format_html('<a href="{}">{}</a>', url, shown)
            cells.append(_tagged(shown, "num" if _is_number(fields_of.get(name)) else ""))
        return _joined(cells)

    def _record_url(self, record: Mapping[str, Any]) -> str | None:
        if self._name in ("products_categories", "products_companies"):
            parameter = "category" if self._name == "products_categories" else "company"
            return _catalogue_url(parameter, record["name"]) if record["name"] else None
        return _url(self._detail, record.get(_NAMED_BY.get(self._name, "id")))

    def facts(self, record: Mapping[str, Any]) -> Sequence[tuple[str, SafeString]]:
        """Return the names and values of a record."""
        return list(_facts(record, _fields(self._serializer)))


def cell(name: str, value: Any, record: Mapping[str, Any], field: Any = None) -> SafeString | str:
    """Return a value in one line, as HTML or as text."""
    if value is None or value == "" or value == []:
        return _EMPTY
    if isinstance(value, list):
        return _short_list(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {each}" for key, each in value.items())[:MAX_CELL_CHARS]
    if isinstance(field, fields.Price) and "currency" in record:
        return f"{value} {record['currency']}"
    return _scalar(name, value, field, MAX_CELL_CHARS)


def _facts(record: Mapping[str, Any], fields_of: Mapping[str, Any]) -> Iterator[tuple[str, SafeString]]:
    for name, value in record.items():
        yield label_of(name), _fact(name, value, record, fields_of.get(name))


def _fact(name: str, value: Any, record: Mapping[str, Any], field: Any) -> SafeString:
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return _inner_table(name, value, field, record)
    if isinstance(value, list) and value:
        return format_html_join("", '<span class="badge">{}</span> ', ((each,) for each in value[:MAX_INNER_ROWS]))
    if isinstance(value, Mapping):
        pairs = _facts(value, _fields(field if isinstance(field, Serializer) else None))
        return format_html('<dl class="facts">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", pairs))
    if isinstance(field, fields.Text) and field.lines and value:
        return format_html('<div class="prose">{}</div>', value)
    if url := _reference(name, value):
        return format_html('<a href="{}">{}</a>', url, value)
    return format_html("{}", cell(name, value, record, field) if value in (None, "", []) else _full(name, value, field))


def _full(name: str, value: Any, field: Any) -> SafeString | str:
    return _scalar(name, value, field, None)


def _reference(name: str, value: Any) -> str | None:
    if name in ("category", "company") and value:
        return _catalogue_url(name, value)
    return _url(_REFERENCES[name], value) if name in _REFERENCES else None


def _scalar(name: str, value: Any, field: Any, max_chars: int | None) -> SafeString | str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(field, fields.Instant) and isinstance(value, str):
        return format_html('<time class="nowrap" datetime="{}">{} UTC</time>', value, value[:19].replace("T", " "))
    if isinstance(field, fields.Choice) and name in ("status", "role"):
        return format_html('<span class="badge badge-{}">{}</span>', _TONES.get(value, value), value)
    text = str(value)
    if name in _CODES:
        return format_html('<span class="mono{}">{}</span>', " nowrap" if name == "sku" else "", text)
    return text if max_chars is None or len(text) <= max_chars else f"{text[:max_chars]}…"


def _short_list(values: Sequence[Any]) -> str:
    """The first names of a list, and how many more there are."""
    names = [_name_of(each) for each in values[:MAX_NAMES]]
    more = len(values) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _name_of(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    named = str(value.get("name") or value.get("field") or next(iter(value.values()), ""))[:MAX_CELL_CHARS]
    return f"{value['quantity']} of {named}" if "quantity" in value else named


def _inner_table(name: str, values: Sequence[Mapping[str, Any]], field: Any, record: Mapping[str, Any]) -> SafeString:
    """Entries inside of a record as a table of their own."""
    fields_of = _fields(field.child if isinstance(field, ListSerializer) else None)
    # The name is a link to the product, where there is one.
    names = [each for each in values[0] if each != "product" or "name" not in values[0]]
    currency = {"currency": record["currency"]} if "currency" in record else {}
    rows = [_inner_row(each, names, fields_of, currency) for each in values[:MAX_INNER_ROWS]]
    return format_html(_INNER_TABLE, label_of(name), _head(names, fields_of), _joined(rows))


def _inner_row(
    record: Mapping[str, Any], names: Sequence[str], fields_of: Mapping[str, Any], context: Mapping[str, Any]
) -> SafeString:
    url = _url("products-detail", record.get("product"))
    linked = "name" if "name" in names else "product"
    cells = []
    for name in names:
        shown = cell(name, record.get(name), {**context, **record}, fields_of.get(name))
        if name == linked and url:
            shown = format_html('<a href="{}">{}</a>', url, shown)
        cells.append(_tagged(shown, "num" if _is_number(fields_of.get(name)) else ""))
    return format_html("<tr>{}</tr>", _joined(cells))


def _joined(parts: Sequence[SafeString | str]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))


def _tagged(shown: SafeString | str, css_class: str) -> SafeString:
    if css_class:
        return format_html('<td class="{}">{}</td>', css_class, shown)
    return format_html("<td>{}</td>", shown)


def _head(names: Sequence[str], fields_of: Mapping[str, Any]) -> SafeString:
    cells = ((("num" if _is_number(fields_of.get(name)) else "text"), label_of(name)) for name in names)
    return format_html("<tr>{}</tr>", format_html_join("", '<th scope="col" class="{}">{}</th>', cells))


def _is_number(field: Any) -> bool:
    return isinstance(field, (fields.Integer, fields.Price))


def _fields(serializer: Any) -> Mapping[str, Any]:
    return serializer.fields if serializer is not None else {}


def _first_names(records: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    return [*records[0]][:MAX_COLUMNS] if records else ["value"]


def _catalogue_url(parameter: str, value: str) -> str:
    return f"{reverse('products-list')}?{urlencode({parameter: value})}"


def _url(name: str, id: Any) -> str | None:
    """The address of a record, or None where it has none."""
    if not isinstance(id, str):
        return None
    try:
        return reverse(name, kwargs={"pk": id})
    except NoReverseMatch:
        return None
