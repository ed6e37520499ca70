"""`manage.py stack`: the whole topology on this machine."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from configuration import PROGRAM, START
from devstack import (
    lifecycle,
    lock,
    monitoring,
    obstacles,
    orphans,
    reports,
    scaling,
    servers,
    settings,
    stack_record,
    supervision,
    welcome,
)
from devstack.layout import Layout
from devstack.verbs import VERBS
from operations.console import console, process_table

UNUSABLE = 2
FAILED = 1
POLL_S = 0.2
#: For what a start does not need, and which is usually there a moment later.
REST_WAIT_S = 3.0
EVERYTHING = lifecycle.EVERYTHING + lifecycle.SCHEDULED + lifecycle.MONITORING


class Command(BaseCommand):
    help = "Run the whole topology on this machine: nginx, two API instances, data nodes, Sentinels."
    # It must run before anything is set up.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        parsers = {verb: verbs.add_parser(verb, help=what) for verb, what in VERBS.items()}
        data = "data nodes and Sentinels only, as to restore a backup"
        parsers["up"].add_argument("--data", action="store_true", help=data)
        parsers["status"].add_argument("--json", action="store_true", help="as JSON")
        parsers["logs"].add_argument("name", nargs="?", metavar="NAME", help="of this process only")
        parsers["logs"].add_argument("-f", "--follow", action="store_true", help="go on showing what is added")
        parsers["scale"].add_argument("kind", choices=scaling.COUNTS, metavar="KIND", help="redis or sentinel")
        number = "how many: 2 to 5 of redis, 3 or 5 of sentinel; without it, the present number is printed"
        parsers["scale"].add_argument("count", type=int, nargs="?", metavar="COUNT", help=number)
        for verb in ("restart", "kill"):
            parsers[verb].add_argument("name", metavar="NAME", help="redis-1, api-2, nginx, ...")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            layout = stack_record.layout(os.environ)
            self._check_name(layout, options.get("name"))
            getattr(self, f"_{options['verb']}")(layout, options)
        except settings.Misconfigured as error:
            self._end(str(error), UNUSABLE)
        except supervision.SupervisorGone:
            self._end(
                f"The supervisor of the stack in {layout.run} is gone or does not answer: `{PROGRAM} stack down` stops "
                f"what it left, `{START}` takes over.",
                FAILED,
            )
        except supervision.NotRunning:
            self._end(f"No stack runs here: `{START}` starts one, `{PROGRAM} stack up` in the background.", FAILED)
        except (lifecycle.DidNotStart, supervision.DidNotStop, scaling.NotScaled) as error:
            self._end(str(error), FAILED)

    def _run(self, layout: Layout, options: dict[str, Any]) -> None:
        with lock.acquire(layout):
            self._run_alone(layout)

    def _run_alone(self, layout: Layout) -> None:
        supervisor = self._start(layout)
        asked_to_stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: asked_to_stop.set())
        try:
            if self._greet(layout, supervisor, asked_to_stop):
                console().print("\nCtrl-C stops everything.")
            self._wait_for_end(layout, supervisor, asked_to_stop)
        finally:
            console().print("\nStopping ...")
            with contextlib.suppress(supervision.NotRunning):
                supervision.stop(layout)
        console().print("Stopped. The data is saved.")

    def _wait_for_end(
        self, layout: Layout, supervisor: subprocess.Popen[bytes], asked_to_stop: threading.Event
    ) -> None:
        while supervisor.poll() is None and not asked_to_stop.wait(POLL_S):
            pass
        if not asked_to_stop.is_set() and orphans.alive(layout):
            self.stderr.write(
                "The supervisor has ended. Everything else goes on, and what dies is not restarted: Ctrl-C stops it, "
                f"then `{START}` starts it anew."
            )
        while not asked_to_stop.wait(POLL_S) and orphans.alive(layout):
            pass

    def _up(self, layout: Layout, options: dict[str, Any]) -> None:
        with lock.acquire(layout):
            self._up_alone(layout, options)

    def _up_alone(self, layout: Layout, options: dict[str, Any]) -> None:
        supervisor = self._start(layout, lifecycle.DATA_ONLY if options["data"] else EVERYTHING)
        try:
            if options["data"]:
                with obstacles.explained(layout):
                    lifecycle.wait_until_usable(layout, supervisor, threading.Event())
                self._name_missing(layout)
                console().print(process_table(lifecycle.processes(layout)))
            else:
                self._greet(layout, supervisor, threading.Event())
                console().print(f"\nIt runs in the background: `{PROGRAM} stack down` stops it.")
        except lifecycle.DidNotStart:
            with contextlib.suppress(supervision.NotRunning):
                supervision.stop(layout)
            raise

    def _down(self, layout: Layout, options: dict[str, Any]) -> None:
        supervision.stop(layout)
        self.stdout.write(f"Stopped. The data is in {layout.run}: `{START}` goes on with it.")

    def _status(self, layout: Layout, options: dict[str, Any]) -> None:
        processes = lifecycle.processes(layout)
        if options["json"]:
            self.stdout.write(json.dumps(lifecycle.as_record(layout, processes)))
        else:
            console().print(process_table(processes))

    def _logs(self, layout: Layout, options: dict[str, Any]) -> None:
        names = [options["name"]] if options["name"] else [*layout.names, "nginx-errors", "supervisor"]
        files = [str(layout.log(name)) for name in names if layout.log(name).exists()]
        if not files:
            raise supervision.NotRunning
        with contextlib.suppress(KeyboardInterrupt):
            subprocess.run(["tail", "-n", "40", *(["-F"] if options["follow"] else []), *files], check=False)

    def _restart(self, layout: Layout, options: dict[str, Any]) -> None:
        name, role = options["name"], lifecycle.role(layout, options["name"])
        began = time.monotonic()
        pid = lifecycle.restart(layout, name)
        self.stdout.write(reports.restarted(layout, name, role, pid, time.monotonic() - began))

    def _scale(self, layout: Layout, options: dict[str, Any]) -> None:
        kind, count = options["kind"], options["count"]
        if count is not None:
            layout = scaling.scale(layout, kind, count, os.environ, self.stdout.write)
            console().print(process_table(lifecycle.processes(layout)))
        else:
            self.stdout.write(str(scaling.current(layout, kind)))

    def _kill(self, layout: Layout, options: dict[str, Any]) -> None:
        name, role = options["name"], lifecycle.role(layout, options["name"])
        self.stdout.write(reports.killed(layout, name, role, lifecycle.kill(layout, name)))

    def _start(self, layout: Layout, kinds: tuple[str, ...] = EVERYTHING) -> subprocess.Popen[bytes]:
        if supervision.pid(layout) is None and orphans.alive(layout):
            console().print("The supervisor of the stack here is gone: stopping what it left ...")
            orphans.stop(layout)
        lifecycle.prepare(layout, kinds)
        console().print(f"Starting in {layout.run} ...")
        return lifecycle.start(layout)

    def _greet(self, layout: Layout, supervisor: subprocess.Popen[bytes], asked_to_stop: threading.Event) -> bool:
        """Whether the topology came up before a stop was asked for."""
        with obstacles.explained(layout):
            lifecycle.wait_until_usable(layout, supervisor, asked_to_stop)
            lifecycle.wait_until_answering(layout, supervisor, asked_to_stop)
        if asked_to_stop.is_set():
            return False
        self._name_missing(layout)
        try:
            account = lifecycle.first_staff_account(layout, os.environ)
        except lifecycle.NoAccount as error:
            self.stderr.write(str(error))
            account = None
        console().print(
            welcome.text(
                layout, lifecycle.processes(layout), account, monitoring.missing(servers.find(layout.settings))
            )
        )
        return True

    def _name_missing(self, layout: Layout) -> None:
        for line in obstacles.wait_until_cleared(layout, REST_WAIT_S):
            self.stderr.write(f"The shop serves without {line}")

    def _check_name(self, layout: Layout, name: str | None) -> None:
        if name is not None and name not in layout.names:
            raise settings.Misconfigured(f"There is no process {name}: there are {', '.join(layout.names)}.")

    def _end(self, text: str, status: int) -> None:
        self.stderr.write(text)
        sys.exit(status)
