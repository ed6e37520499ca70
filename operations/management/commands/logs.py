"""`manage.py logs`: what became of one request."""

import os
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from rich.table import Table

from devstack import report, stack_record
from devstack.layout import Layout
from devstack.settings import Misconfigured
from operations import request_trace
from operations.request_trace import Step

URN = "urn:request:"
NOT_FOUND, UNUSABLE = 1, 2


class Command(BaseCommand):
    help = (
        "Follows one request through nginx, the instances and every repeat, by the logs of the stack that runs or ran "
        "here. Exits with 1 where they say nothing of it, and with 2 where they cannot be asked."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--request",
            required=True,
            metavar="ID",
            help="what X-Request-ID says in the answer, or a problem's instance",
        )
        parser.add_argument("--json", action="store_true", help="as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        id, layout = _request_id(options["request"]), _layout()
        steps = request_trace.steps(layout, id)
        if not steps:
            raise CommandError(
                f"No log in {layout.logs} says anything of request {id}. nginx writes a second late, and the oldest "
                "lines go when a log has grown to four times 20 MB.",
                returncode=NOT_FOUND,
            )
        if options["json"]:
            told = {"request_id": id, "steps": [asdict(step) for step in steps]}
            self.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        else:
            report.console().print(f"request {id}, from {steps[0].at:%Y-%m-%d %H:%M:%S} UTC")
            report.console().print(_table(steps))


def _request_id(text: str) -> str:
    id = text.strip().lower().removeprefix(URN)
    if not request_trace.ID.fullmatch(id):
        raise CommandError(
            f"{text} is no request id: give the 32 hexadecimal digits of X-Request-ID.", returncode=UNUSABLE
        )
    return id


def _layout() -> Layout:
    try:
        layout = stack_record.layout(os.environ)
    except Misconfigured as fault:
        raise CommandError(str(fault), returncode=UNUSABLE) from fault
    if not layout.logs.is_dir():
        raise CommandError(
            f"No stack has run in {layout.run}: name its directory with EVERGREEN_RUN. The logs of containers are with "
            "`docker compose logs`.",
            returncode=UNUSABLE,
        )
    return layout


def _table(steps: Sequence[Step]) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False)
    for heading in ("ms", "process", "what", "status", "took, ms"):
        table.add_column(heading, justify="left" if heading in ("process", "what") else "right", overflow="fold")
    for step in steps:
        since = (step.at - steps[0].at).total_seconds() * 1000
        took = "" if step.seconds is None else f"{step.seconds * 1000:,.1f}"
        status = str(step.status or "")
        table.add_row(f"{since:,.0f}", step.process, step.what, status, took, style=_style(step))
    return table


def _style(step: Step) -> str:
    return "red" if step.status and step.status >= 500 else ""
