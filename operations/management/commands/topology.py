"""`manage.py topology`: the primary, the replicas and their lag, the Sentinels, and the instances."""

import json
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

from agents.announcement import NotAnnounced
from configuration import ConfigurationError
from exactly_once.client import Address
from exactly_once.topology_report import TopologyReport
from operations import bootstrap, deployment
from operations.console import console, process_table
from operations.deployment import DeploymentMisconfigured, ProcessStatus
from operations.doctor.stale_entries import ResetTimedOut, UnsafeToReset
from shop.bootstrap import topology_report

STYLES = {"ok": "bold green", "degraded": "bold yellow"}
WATCH_INTERVAL_S = 1.0


class Command(BaseCommand):
    help = "Show the primary, replicas and their lag, Sentinels and instances. Exit code 1 where there is no primary."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="as JSON")
        parser.add_argument("--watch", action="store_true", help="again each second, until Ctrl-C")
        parser.add_argument(
            "--announce",
            type=Address.parse,
            metavar="HOST:PORT",
            help="let the Sentinels know a replica that is to be added, and return when every instance counts it",
        )
        parser.add_argument(
            "--forget-stale",
            action="store_true",
            help="let the Sentinels, one after the other, forget replicas and Sentinels that are gone for good",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings.CONFIGURATION.require()
        except ConfigurationError as error:
            raise CommandError(f"{error}\nOr start a stack here first: make run", returncode=2) from None
        if options["announce"]:
            self._announce(options["announce"])
            return
        if options["forget_stale"]:
            self._forget_stale()
            return
        if options["watch"]:
            self._watch()
            return
        topology, processes = topology_report(), _serving_processes()
        if options["json"]:
            record = {**asdict(topology), "instances": [asdict(process) for process in processes]}
            self.stdout.write(json.dumps(record, indent=2))
        else:
            console().print(_as_text(topology, processes))
        if topology.primary is None:
            raise SystemExit(1)

    def _announce(self, replica: Address) -> None:
        try:
            bootstrap.announce_replica(replica)
        except NotAnnounced as error:
            raise CommandError(str(error), returncode=1) from None
        self.stdout.write(f"Every instance counts {replica} by now. Start it.")

    def _forget_stale(self) -> None:
        try:
            cleared = bootstrap.stale_entries().forget(self.stdout.write)
        except UnsafeToReset as error:
            raise CommandError(f"Not now. {error}", returncode=2) from None
        except ResetTimedOut as error:
            raise CommandError(f"{error}. The Sentinels after it were left as they were.", returncode=1) from None
        self.stdout.write(f"{len(cleared)} Sentinels had stale entries, and have none now.")

    def _watch(self) -> None:
        with Live(console=console(), auto_refresh=False) as live:
            try:
                while True:
                    live.update(_as_text(topology_report(), _serving_processes()), refresh=True)
                    time.sleep(WATCH_INTERVAL_S)
            except KeyboardInterrupt:
                return


def _serving_processes() -> Sequence[ProcessStatus]:
    try:
        return deployment.current().serving_processes()
    except DeploymentMisconfigured:
        # It is another stack's directory; the topology is that of the store all the same.
        return ()


def _as_text(topology: TopologyReport, processes: Sequence[ProcessStatus]) -> RenderableType:
    agreeing = sum(sentinel.primary == topology.primary for sentinel in topology.sentinels if sentinel.primary)
    summary = Text.assemble(
        "store ",
        (topology.status, STYLES.get(topology.status, "bold red")),
        f"   primary {topology.primary or 'none'}   quorum {'yes' if topology.quorum else 'no'}",
        f" ({agreeing} of {len(topology.sentinels)} Sentinels agree)\n",
    )
    tables = [_nodes(topology), _sentinels(topology)]
    if processes:
        tables.append(process_table(processes))
    return Group(summary, *(part for table in tables for part in (table, Text())))


def _nodes(topology: TopologyReport) -> Table:
    table = Table("data node", "role", "link", header_style="bold", box=None, pad_edge=False)
    table.add_column("lag, bytes", justify="right")
    for node in topology.nodes:
        lag = "-" if node.lag_bytes is None else f"{node.lag_bytes:,}"
        table.add_row(node.address, node.role, node.link, lag, style="red" if node.role == "down" else "")
    return table


def _sentinels(topology: TopologyReport) -> Table:
    table = Table("Sentinel", "names as primary", "sees it", header_style="bold", box=None, pad_edge=False)
    for sentinel in topology.sentinels:
        sees = "down" if sentinel.sees_primary_down else "up"
        table.add_row(sentinel.address, sentinel.primary or "does not answer", sees if sentinel.primary else "-")
    return table
