"""`manage.py topology`: who is primary, who follows how far behind, who watches, which instances serve."""

import json
import os
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from configuration import ConfigurationError
from devstack import lifecycle, report, stack_record, supervision
from devstack.lifecycle import Part
from devstack.settings import Misconfigured
from exactly_once.topology_report import TopologyReport
from operations import bootstrap
from operations.doctor.stale_entries import NotNow, StillThere
from shop.bootstrap import topology_report

STYLES = {"ok": "bold green", "degraded": "bold yellow"}
INTERVAL = 1.0


class Command(BaseCommand):
    help = "Shows primary, replicas and their lag, Sentinels and instances. Exit code 1 where there is no primary."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="as JSON")
        parser.add_argument("--watch", action="store_true", help="again each second, until Ctrl-C")
        parser.add_argument(
            "--forget-stale",
            action="store_true",
            help="let the Sentinels, one after the other, forget replicas and Sentinels that are gone for good",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings.CONFIGURATION.require()
        except ConfigurationError as fault:
            raise CommandError(f"{fault}\nOr start a stack here first: make run", returncode=2) from None
        if options["forget_stale"]:
            self._forget_stale()
            return
        if options["watch"]:
            self._watch()
            return
        found, instances = topology_report(), _instances()
        if options["json"]:
            self.stdout.write(
                json.dumps({**asdict(found), "instances": [asdict(part) for part in instances]}, indent=2)
            )
        else:
            report.console().print(_picture(found, instances))
        if found.primary is None:
            raise SystemExit(1)

    def _forget_stale(self) -> None:
        try:
            cleared = bootstrap.stale_entries().forget(self.stdout.write)
        except NotNow as fault:
            raise CommandError(f"Not now. {fault}", returncode=2) from None
        except StillThere as fault:
            raise CommandError(f"{fault}. The Sentinels after it were left as they were.", returncode=1) from None
        self.stdout.write(f"{len(cleared)} Sentinels had stale entries, and have none now.")

    def _watch(self) -> None:
        with Live(console=report.console(), auto_refresh=False) as live:
            try:
                while True:
                    live.update(_picture(topology_report(), _instances()), refresh=True)
                    time.sleep(INTERVAL)
            except KeyboardInterrupt:
                return


def _instances() -> Sequence[Part]:
    """nginx and the API instances of the stack that runs here; none where the topology is somewhere else."""
    try:
        layout = stack_record.layout(os.environ)
        return [part for part in lifecycle.parts(layout) if part.name.startswith(("api-", "nginx"))]
    except (supervision.NotRunning, Misconfigured):
        return ()


def _picture(found: TopologyReport, instances: Sequence[Part]) -> RenderableType:
    agreeing = sum(sentinel.primary == found.primary for sentinel in found.sentinels if sentinel.primary)
    verdict = Text.assemble(
        "store ",
        (found.status, STYLES.get(found.status, "bold red")),
        f"   primary {found.primary or 'none'}   quorum {'yes' if found.quorum else 'no'}",
        f" ({agreeing} of {len(found.sentinels)} Sentinels agree)\n",
    )
    tables = [_nodes(found), _sentinels(found)]
    if instances:
        tables.append(report.table(instances))
    return Group(verdict, *(part for table in tables for part in (table, Text())))


def _nodes(found: TopologyReport) -> Table:
    table = Table("data node", "role", "link", header_style="bold", box=None, pad_edge=False)
    table.add_column("lag, bytes", justify="right")
    for node in found.nodes:
        lag = "-" if node.lag_bytes is None else f"{node.lag_bytes:,}"
        table.add_row(node.address, node.role, node.link, lag, style="red" if node.role == "down" else "")
    return table


def _sentinels(found: TopologyReport) -> Table:
    table = Table("Sentinel", "names as primary", "sees it", header_style="bold", box=None, pad_edge=False)
    for sentinel in found.sentinels:
        sees = "down" if sentinel.sees_primary_down else "up"
        table.add_row(sentinel.address, sentinel.primary or "does not answer", sees if sentinel.primary else "-")
    return table
