"""`manage.py logs`: the trace of one request."""

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from rich.table import Table

from operations import deployment, request_trace
from operations.console import console
from operations.deployment import DeploymentMisconfigured, LogDirectory
from operations.request_trace import Span

URN = "urn:request:"
NOT_FOUND, UNUSABLE = 1, 2


class Command(BaseCommand):
    help = (
        "Trace one request through nginx, the instances and every repeat, by the logs of the stack that runs or ran "
        "here. Exits with 1 where no log names it, and with 2 where there are no logs."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--request",
            required=True,
            metavar="ID",
            help="the X-Request-ID of the response, or the `instance` of a problem",
        )
        parser.add_argument("--json", action="store_true", help="as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        id, logs = _request_id(options["request"]), _log_directory()
        spans = request_trace.read_trace(logs, id)
        if not spans:
            raise CommandError(
                f"No log in {logs.path} names request {id}. nginx writes a second late, and the oldest lines go when a "
                "log has grown to four times 20 MB.",
                returncode=NOT_FOUND,
            )
        if options["json"]:
            record = {"request_id": id, "spans": [asdict(span) for span in spans]}
            self.stdout.write(orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        else:
            console().print(f"request {id}, from {spans[0].at:%Y-%m-%d %H:%M:%S} UTC")
            console().print(_table(spans))


def _request_id(text: str) -> str:
    id = text.strip().lower().removeprefix(URN)
    if not request_trace.ID.fullmatch(id):
        raise CommandError(
            f"{text} is no request id: give the 32 hexadecimal digits of X-Request-ID.", returncode=UNUSABLE
        )
    return id


def _log_directory() -> LogDirectory:
    try:
        logs = deployment.current().log_directory()
    except DeploymentMisconfigured as error:
        raise CommandError(str(error), returncode=UNUSABLE) from error
    if logs is None:
        raise CommandError(
            "No stack has run here: name its directory with EVERGREEN_RUN. The logs of containers are with "
            "`docker compose logs`.",
            returncode=UNUSABLE,
        )
    return logs


def _table(spans: Sequence[Span]) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False)
    for heading in ("ms", "process", "what", "status", "took, ms"):
        table.add_column(heading, justify="left" if heading in ("process", "what") else "right", overflow="fold")
    for span in spans:
        offset_ms = (span.at - spans[0].at).total_seconds() * 1000
        took = "" if span.seconds is None else f"{span.seconds * 1000:,.1f}"
        table.add_row(f"{offset_ms:,.0f}", span.process, span.what, str(span.status or ""), took, style=_style(span))
    return table


def _style(span: Span) -> str:
    return "red" if span.status and span.status >= 500 else ""
