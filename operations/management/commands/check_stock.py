"""`manage.py check_stock`: the stock invariant and the indexes, over the whole store."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
from django.conf import settings
from django.core.management import BaseCommand, CommandError
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from exactly_once.errors import Unavailable
from operations import bootstrap
from operations.backup.temp_server import TempServerFailed
from operations.management.interruption import interrupt_on_sigterm
from operations.store_audit import Audit
from shop.domain.stock_invariant import Violation
from shop.management.store import answering

#: How many violations are listed where not all are asked for.
MAX_LISTED = 20
PIPE_WIDTH = 300


class Command(BaseCommand):
    help = (
        "Checks, on a copy of the whole store as it is at one instant, that the stock of every product is right and "
        "every index agrees with what it is an index of. Exits with 1 where something is wrong, and with 2 where it "
        "could not be checked. Sales go on in the meantime."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help=f"list every violation, not the first {MAX_LISTED}")
        parser.add_argument("--json", action="store_true", help="print everything as JSON")

    def handle(self, **options: Any) -> None:
        started = time.monotonic()
        try:
            with interrupt_on_sigterm():
                audit = bootstrap.auditor(answering(), settings.EVERGREEN_REDIS_SERVER).audit(_log)
        except KeyboardInterrupt:
            raise CommandError("Stopped: nothing has been proved.", returncode=130) from None
        except (Unavailable, TempServerFailed) as error:
            raise CommandError(f"It could not be checked: {error}", returncode=2) from error
        seconds = time.monotonic() - started
        self.stdout.write(_json(audit, seconds) if options["json"] else _text(audit, seconds, options["all"]))
        if audit.violations:
            raise SystemExit(1)


def _log(what: str) -> None:
    Console(stderr=True).print(what, highlight=False)


def _json(audit: Audit, seconds: float) -> str:
    return orjson.dumps(
        {
            "ok": not audit.violations,
            "source": audit.source,
            **audit.counts,
            "violations": [asdict(violation) for violation in audit.violations],
            "seconds": round(seconds, 3),
        }
    ).decode()


def _text(audit: Audit, seconds: float, is_all: bool) -> str:
    counts = ", ".join(f"{count:,} {kind}" for kind, count in audit.counts.items())
    seen = f"Looked at {counts}, as {audit.source} had them, in {seconds:.1f} s."
    if not audit.violations:
        return f"{seen}\nThe stock invariant holds, and every index is right."
    listed = audit.violations if is_all else audit.violations[:MAX_LISTED]
    more = len(audit.violations) - len(listed)
    left = f"\n{more:,} more: --all lists them." if more else ""
    return f"{seen}\n{len(audit.violations):,} violations:\n{_table(listed)}{left}"


def _table(violations: Sequence[Violation]) -> str:
    table = Table("what", Column("where", no_wrap=True), "how")
    for violation in violations:
        table.add_row(violation.code, escape(violation.subject), escape(violation.detail))
    # In a pipe each violation is one line.
    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()
