"""`manage.py import_products`: create and update products from a file."""

import argparse
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from django.core.management.base import BaseCommand, CommandError

from exactly_once.errors import StoreUnavailable, Unavailable
from shop.domain.ports import Shop
from shop.domain.transfers import CHUNK_BYTES, ClaimLost, RowError, TransferFormat
from shop.management.prompts import UNAVAILABLE
from shop.management.store import answering
from shop.services.import_pauses import has_room
from shop.services.import_values import PRODUCT_COLUMNS
from shop.services.imports import STEP_TIMEOUT_S, batches, products_put, row_requests
from shop.services.transfer_rows import Row, TransferFault, read_rows

T = TypeVar("T")
#: Seconds that the store may be away, and between two tries.
MAX_AWAY_S, PAUSE_S = 60.0, 0.5
#: Seconds between two looks whether the shop has room for more rows.
WAIT_S = 2.0
#: Seconds that the rows of a batch may take, and for which the outcome of one is recorded: a batch is repeated before
#: that or not at all.
MAX_BATCH_S = MAX_AWAY_S + 2 * STEP_TIMEOUT_S
ROW_TTL_S = int(MAX_BATCH_S + STEP_TIMEOUT_S)
#: Errors of rows that are printed.
MAX_PRINTED = 100

WAITS = "Waiting until the shop has room: events or deliveries to webhooks are behind, or the store is short of memory."

DESCRIPTION = """\
Creates the products of a file whose SKUs are new, and updates the others, by the same rules as POST /imports/ does: see
docs/imports-and-exports.md. The end of the file's name is its format, .csv or .ndjson. It may be interrupted and run
again: rows that change nothing are left alone. While events or webhooks are behind, or the store is short of memory, it
waits.

exit status:
  0  every row was carried out
  1  some rows were refused: they are printed
  2  the file cannot be read, or the store does not answer
"""


class Command(BaseCommand):
    help = DESCRIPTION
    requires_system_checks: list[str] = []
    #: Whether it was said that the command waits: it is said once.
    _has_waited = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument("file", type=Path, metavar="FILE", help="what is imported: .csv or .ndjson")

    def handle(self, **options: Any) -> None:
        path: Path = options["file"]
        try:
            format = TransferFormat(path.suffix.removeprefix(".").lower())
            with path.open("rb") as file:
                done, failed = self._import(answering().shop, file, format)
        except ValueError:
            raise CommandError(f"{path.name}: end the name with .csv or .ndjson.", returncode=2) from None
        except (OSError, TransferFault) as error:
            raise CommandError(str(error), returncode=2) from None
        except Unavailable:
            raise CommandError(UNAVAILABLE, returncode=2) from None
        if failed:
            raise CommandError(f"{done:,} rows were carried out, {failed:,} refused.", returncode=1)
        self.stdout.write(f"{done:,} rows were carried out.")

    def _import(self, shop: Shop, file: BinaryIO, format: TransferFormat) -> tuple[int, int]:
        """Carry the rows out. Return how many were, and how many were refused."""
        # Names the products and the writes of this run; another run has others, and finds the products by their SKUs.
        name = shop.ids.new(shop.clock.now())
        done = failed = 0
        for batch in batches(read_rows(chunks_of(file), format, PRODUCT_COLUMNS, 0, 0), may_repeat=False):
            self._wait_for_room(shop)
            errors = _with_retries(partial(_put, shop, name, batch.rows, time.monotonic() + MAX_BATCH_S))
            refused = {error.row for error in errors}
            for error in errors[: max(MAX_PRINTED - failed, 0)]:
                self.stderr.write(f"row {error.row}, {error.column or 'as a whole'}: {error.code}: {error.detail}")
            failed += len(refused)
            done += len(batch.rows) - len(refused)
        return done, failed

    def _wait_for_room(self, shop: Shop) -> None:
        # Bound: none; who runs the command may end it.
        while not _with_retries(partial(has_room, shop)):
            if not self._has_waited:
                self._has_waited = True
                self.stderr.write(WAITS)
            time.sleep(WAIT_S)


def chunks_of(file: BinaryIO) -> Callable[[int], bytes | None]:
    """What reads the chunk of each number."""

    def read(number: int) -> bytes | None:
        file.seek(number * CHUNK_BYTES)
        return file.read(CHUNK_BYTES) or None

    return read


def _put(shop: Shop, name: str, rows: Sequence[Row], until: float) -> Sequence[RowError]:
    # A write gives up early enough to be tried again.
    deadline = min(until, time.monotonic() + 2 * STEP_TIMEOUT_S)
    try:
        return products_put(shop, name, row_requests(name, "", ROW_TTL_S, deadline), rows)
    except ClaimLost:
        raise StoreUnavailable("The rows took too long.") from None


def _with_retries(work: Callable[[], T]) -> T:
    """Repeat what the store could not do, or may have done: a repeat changes nothing twice."""
    give_up = time.monotonic() + MAX_AWAY_S
    while True:
        try:
            return work()
        except Unavailable:
            if time.monotonic() >= give_up:
                raise
            time.sleep(PAUSE_S)
