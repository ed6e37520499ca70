"""`manage.py export_purchases`: write purchases into a file."""

import argparse
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exactly_once.errors import Unavailable
from shop.domain.ports import Shop
from shop.domain.transfers import Direction, ExportKind, TransferFormat
from shop.management.prompts import UNAVAILABLE
from shop.management.store import answering
from shop.services.transfer_exports import SOURCES, steps
from shop.services.transfer_rows import header_bytes
from shop.services.uploads import new_transfer

DESCRIPTION = """\
Writes purchases into a file, the oldest first, as POST /exports/ does: see docs/imports-and-exports.md. The end of the
file's name is its format, .csv or .ndjson. The file has personal data: it is readable for its owner alone, and a file
that is there already is left alone.

exit status:
  0  the file is whole
  2  the file cannot be written, or the store does not answer: the file is not whole
"""


class Command(BaseCommand):
    help = DESCRIPTION
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument("file", type=Path, metavar="FILE", help="where they are written: .csv or .ndjson")
        parser.add_argument("--since", type=_day, metavar="DAY", help="placed on this day (UTC) or later: 2026-11-01")
        parser.add_argument("--until", type=_day, metavar="DAY", help="placed before this day (UTC)")

    def handle(self, **options: Any) -> None:
        path: Path = options["file"]
        try:
            format = TransferFormat(path.suffix.removeprefix(".").lower())
        except ValueError:
            raise CommandError(f"{path.name}: end the name with .csv or .ndjson.", returncode=2) from None
        count = 0
        shop = answering().shop
        try:
            path.touch(mode=0o600, exist_ok=False)
            with path.open("wb") as file:
                for data, rows in _parts(shop, format, options["since"], options["until"]):
                    file.write(data)
                    count += rows
        except OSError as error:
            raise CommandError(str(error), returncode=2) from None
        except Unavailable:
            raise CommandError(f"{UNAVAILABLE} The file is not whole.", returncode=2) from None
        self.stdout.write(f"{count:,} purchases.")


def _parts(
    shop: Shop, format: TransferFormat, since: datetime | None, until: datetime | None
) -> Iterator[tuple[bytes, int]]:
    """The parts of the file, each with its number of purchases."""
    made = new_transfer(shop, Direction.EXPORT, ExportKind.PURCHASES, format, "")
    columns = SOURCES[ExportKind.PURCHASES].columns
    yield header_bytes(format, columns), 0
    for step in steps(shop, replace(made, since=since, until=until)):
        yield step.data, step.count


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no day: write it as 2026-11-01") from error
