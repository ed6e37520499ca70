"""`manage.py audit`: check the audit, and export it."""

import argparse
import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from exactly_once import WriteRequest
from exactly_once.errors import SchemaFault, Unavailable
from exactly_once.journal import Head, StoredEntry
from shop import telemetry
from shop.management.prompts import UNAVAILABLE
from shop.management.store import answering
from shop.repositories.journal import JournalCheck, RedisJournal

DESCRIPTION = """\
verify   checks every stored entry of the audit: its seal, its link to the one before it, and the signed checkpoints
export   signs the audit with a checkpoint, and writes its entries as JSON lines; the last line is the checkpoint

exit status:
  0  the audit is as it was written
  1  it was tampered with, and the text says where and how
  2  the store does not answer, or a file cannot be used
"""
#: Bytes from the end of a file of which the last line is read.
_MAX_LINE_BYTES = 65_536


class Command(BaseCommand):
    help = DESCRIPTION
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        actions = parser.add_subparsers(dest="action", required=True)
        verify = actions.add_parser("verify", help="check every entry")
        known = "an export, or a line of one: the audit must have the entry of its last line"
        verify.add_argument("--known", type=Path, metavar="FILE", help=known)
        verify.add_argument("--json", action="store_true", help="print the result as JSON")
        export = actions.add_parser("export", help="write the entries as JSON lines")
        export.add_argument("--after", type=int, default=0, metavar="N", help="entries behind this sequence number (0)")
        resumed = "a file that gets the entries behind its last line; made where it is not there (standard output)"
        export.add_argument("--file", type=Path, metavar="FILE", help=resumed)

    def handle(self, **options: Any) -> None:
        actions: dict[str, Callable[[dict[str, Any]], int]] = {"verify": self._verify, "export": self._export}
        try:
            status = actions[options["action"]](options)
        except SchemaFault as error:
            raise CommandError(str(error), returncode=2) from None
        except Unavailable:
            raise CommandError(UNAVAILABLE, returncode=2) from None
        except OSError as error:
            raise CommandError(f"The file cannot be used: {error}", returncode=2) from None
        if status:
            raise SystemExit(status)

    def _verify(self, options: dict[str, Any]) -> int:
        known = _last_line(options["known"]) if options["known"] else None
        check = answering().journal.check(known)
        self.stdout.write(_json(check) if options["json"] else _text(check))
        if check.break_found:
            telemetry.audit_broken()
        return 1 if check.break_found else 0

    def _export(self, options: dict[str, Any]) -> int:
        journal, path = answering().journal, options["file"]
        after = options["after"]
        if path and path.exists() and path.stat().st_size:
            after = max(after, _last_line(path).sequence)
        # What is too old is exported once more, and removed by the next checkpoint of an instance.
        request = WriteRequest.unique(settings.EVERGREEN_WRITE_DEADLINE_S)
        checkpoint = journal.append_checkpoint(request, is_trimming=False)
        with _opened(path) as file:
            count = sum(1 for _ in _lines_written(file, _entries(journal, after, checkpoint.sequence)))
        self.stderr.write(f"{count:,} entries exported, the last one a checkpoint.")
        return 0


def _entries(journal: RedisJournal, after: int, last: int) -> Iterator[StoredEntry]:
    """The entries behind the number `after`, up to the number `last`."""
    for stored in journal.entries():
        if stored.sequence > last:
            return
        if stored.sequence > after:
            yield stored


def _lines_written(file: TextIO, entries: Iterator[StoredEntry]) -> Iterator[None]:
    for stored in entries:
        yield print(_line(stored), file=file)


def _line(stored: StoredEntry) -> str:
    return orjson.dumps(
        {
            "sequence": stored.sequence,
            "id": stored.id,
            "entry": stored.text,
            "effect": stored.effect,
            "seal": stored.seal,
            "link": stored.link,
        }
    ).decode()


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    with path.open("a", encoding="utf-8") as file:
        yield file


def _last_line(path: Path) -> Head:
    """The entry of the last line of an export.

    Raises:
        CommandError: the line is none of an export.
    """
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _MAX_LINE_BYTES, 0))
        lines = file.read(_MAX_LINE_BYTES).splitlines()
    try:
        line = json.loads(lines[-1])
        return Head(sequence=int(line["sequence"]), link=str(line["link"]))
    except (IndexError, KeyError, TypeError, ValueError):
        raise CommandError(f"The last line of {path} is no entry of an export.", returncode=2) from None


def _json(check: JournalCheck) -> str:
    found = check.break_found
    broken = {"sequence": found.sequence, "kind": found.kind, "detail": found.detail} if found else None
    return orjson.dumps({"ok": not found, "entries": check.count, "last": str(check.last), "break": broken}).decode()


def _text(check: JournalCheck) -> str:
    found = check.break_found
    if found is None:
        return f"{check.count:,} entries, up to {check.last.sequence}, are as they were written."
    return f"The audit was tampered with at {found.sequence}: {found.kind}. {found.detail.capitalize()}."
