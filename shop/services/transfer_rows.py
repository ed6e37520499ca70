"""Rows of CSV (RFC 4180) and of JSON lines: read from bytes in chunks, with the place where each one ends, and written.

A cell of CSV that a spreadsheet would take for a formula is written with an apostrophe before it, as OWASP says; one
that begins with apostrophes and then like a formula gets one more, and reading takes one away: so what was written is
read as it was.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from shop.domain.transfers import CHUNK_BYTES, MAX_ROW_BYTES, RowError, TransferFormat

#: Characters of what came in that an error repeats.
MAX_QUOTED_CHARS = 40
#: Columns of a header, far more than any kind has.
MAX_COLUMNS = 100
#: What begins a formula, full-width letters too, which some spreadsheets take for the others.
_BEGINNINGS = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_FORMULA, _GUARDED = re.compile(f"'*{_BEGINNINGS}"), re.compile(f"'+{_BEGINNINGS}")


class TransferFault(Exception):
    """The data as a whole cannot be read. `code` is one word; the text says what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the data, counted from 1. `end` is the byte behind it; `values` are by column, or `error` says why there
    are none. With `is_gap` it is no row, and says how far empty lines have gone on."""

    number: int
    end: int
    values: Mapping[str, Any]
    error: RowError | None = None
    is_gap: bool = False


class Lines:
    """The lines of bytes that come in chunks of CHUNK_BYTES, from a byte on, each with its end. A line and all that a
    row has are bounded.

    Raises (while it is read):
        TransferFault: a row is too long, or the bytes are not UTF-8.
    """

    def __init__(self, read: Callable[[int], bytes | None], begin: int = 0) -> None:
        self.end = begin
        self._row_begin = self._gap_begin = begin
        self._lines = self._split(read, begin)

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if self.end + len(line) - self._row_begin > MAX_ROW_BYTES:
            raise _too_long(self._row_begin)
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise TransferFault(
                "not-utf-8", f"Encode the data as UTF-8: byte {self.end + error.start} is not."
            ) from error
        self.end += len(line)
        return text

    def begin_row(self) -> None:
        """Count the bytes of a row from here on."""
        self._row_begin = self.end

    def gap(self, number: int) -> Iterator[Row]:
        """Behind an empty line: say how far it is, once in so many bytes as a chunk has."""
        if self.end - self._gap_begin >= CHUNK_BYTES:
            self._gap_begin = self.end
            yield Row(number, self.end, {}, is_gap=True)

    def _split(self, read: Callable[[int], bytes | None], begin: int) -> Iterator[bytes]:
        number, offset = divmod(begin, CHUNK_BYTES)
        rest = b""
        # Bound: the chunks of the data.
        while (chunk := read(number)) is not None:
            *whole, rest = (rest + chunk[offset:]).split(b"\n")
            number, offset = number + 1, 0
            yield from (line + b"\n" for line in whole)
            if len(rest) > MAX_ROW_BYTES:
                raise _too_long(self._row_begin)
        if rest:
            yield rest


def whole(read: Callable[[int], bytes | None], chunks: int) -> Callable[[int], bytes | None]:
    """What reads data of so many chunks, for which one that is missing is not the end.

    Raises (while it reads):
        TransferFault: a chunk is missing.
    """

    def checked(number: int) -> bytes | None:
        chunk = read(number)
        if chunk is None and number < chunks:
            detail = "The data waited too long, or was dropped. Rows that were carried out stay so: send it again."
            raise TransferFault("data-gone", detail)
        return chunk

    return checked


def read_rows(
    read: Callable[[int], bytes | None], format: TransferFormat, columns: Sequence[str], begin: int, number: int
) -> Iterator[Row]:
    """Read rows of data whose chunk of each number `read` returns: from byte `begin` on, behind row `number`. The
    columns of CSV are those of its header, and each is one of `columns`.

    Raises:
        TransferFault: the header is wrong, a row is too long, or the bytes are not UTF-8.
    """
    if format is TransferFormat.NDJSON:
        return _json_rows(Lines(read, begin), number)
    head = Lines(read)
    header = _header(head, columns)
    return _csv_rows(Lines(read, begin) if begin else head, header, number)


def check_header(first: bytes, format: TransferFormat, columns: Sequence[str]) -> None:
    """Raises: TransferFault, where data that begins with these bytes has a wrong header."""
    if format is TransferFormat.CSV:
        _header(Lines(lambda number: None if number else first), columns)


def _header(lines: Lines, known: Sequence[str]) -> Sequence[str]:
    try:
        names = next(csv.reader(lines, strict=True))
    except (StopIteration, csv.Error):
        raise TransferFault("no-header", f"Begin with a row of the columns: {', '.join(known)}.") from None
    names = [name.removeprefix("\ufeff").strip() for name in names]
    unknown = [name for name in names if name not in known]
    if unknown or len(names) > MAX_COLUMNS:
        quoted = repr(unknown[0][:MAX_QUOTED_CHARS]) if unknown else "too many columns"
        raise TransferFault("unknown-column", f"The header has {quoted}. Columns are {', '.join(known)}, by commas.")
    if len(set(names)) < len(names):
        raise TransferFault("repeated-column", "Name each column once in the header.")
    return names


def _csv_rows(lines: Lines, header: Sequence[str], number: int) -> Iterator[Row]:
    reader = csv.reader(lines, strict=True)
    # Bound: the rows of the data.
    while True:
        lines.begin_row()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            number += 1
            yield Row(number, lines.end, {}, _malformed(number, f"Quote the cells as RFC 4180 says: {error}."))
            continue
        if cells is None:
            return
        if not cells:
            # An empty line is no row.
            yield from lines.gap(number)
            continue
        number += 1
        if len(cells) != len(header):
            detail = f"Give {len(header)} cells, as the header has: these are {len(cells)}."
            yield Row(number, lines.end, {}, _malformed(number, detail))
        else:
            yield Row(number, lines.end, dict(zip(header, map(unguarded, cells), strict=True)))


def _json_rows(lines: Lines, number: int) -> Iterator[Row]:
    for line in lines:
        text = line.removeprefix("\ufeff").strip()
        lines.begin_row()
        if not text:
            yield from lines.gap(number)
            continue
        number += 1
        try:
            values = orjson.loads(text)
        except orjson.JSONDecodeError:
            values = None
        if isinstance(values, dict):
            yield Row(number, lines.end, values)
        else:
            yield Row(number, lines.end, {}, _malformed(number, "Send one JSON object in a line."))


def guarded(text: str) -> str:
    """A text as a cell of CSV has it, which no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text that `guarded` made this cell of."""
    return cell[1:] if _GUARDED.match(cell) else cell


def header_bytes(format: TransferFormat, columns: Sequence[str]) -> bytes:
    """What comes before the first row."""
    return _csv_bytes([columns]) if format is TransferFormat.CSV else b""


def rows_bytes(format: TransferFormat, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Write rows, whose values are by column."""
    if format is TransferFormat.NDJSON:
        options = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
        return b"".join(orjson.dumps({name: row[name] for name in columns}, option=options) for row in rows)
    return _csv_bytes([[_cell(row[name]) for name in columns] for row in rows])


def _csv_bytes(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return orjson.dumps(value, option=orjson.OPT_UTC_Z).decode().strip('"')
        case date():
            return value.isoformat()
        case str():
            return guarded(value)
        case int():
            return str(value)
        case _:
            # What has parts is JSON within its cell.
            return guarded(orjson.dumps(value, option=orjson.OPT_UTC_Z).decode())


def _malformed(number: int, detail: str) -> RowError:
    return RowError(row=number, column="", code="malformed-row", detail=detail)


def _too_long(byte: int) -> TransferFault:
    detail = f"A row has at most {MAX_ROW_BYTES} bytes; the one at byte {byte} has more, or a quote that does not end."
    return TransferFault("row-too-long", detail)
