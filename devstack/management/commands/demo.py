"""`manage.py demo`: a shop of its own that sells while its primary is killed again and again."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from configuration import PROGRAM
from devstack import lifecycle, lock, obstacles, settings, supervision, welcome
from devstack.demo import free_layout
from devstack.demo.buyers import BUYERS, Buyers
from devstack.demo.failovers import fail_over
from devstack.layout import Layout
from devstack.settings import ROOT
from devstack.shop_client import CallFailed
from devstack.temporary import RunningStack
from operations.console import console

EVERY_S = 30.0
#: Sales before the first kill, so that there is something to compare with.
FIRST_S = 10.0
UNUSABLE = 2


class Command(BaseCommand):
    help = (
        "Start a shop of its own with 2,000 products of a real grocer, have customers buy by carts and pay, and kill "
        "the primary again and again: a line for each failover says what it cost. Ctrl-C ends everything; every "
        "purchase and payment that was confirmed is looked up before."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=float, default=EVERY_S, metavar="SECONDS", help="between two kills (30)")
        parser.add_argument("--failovers", type=int, default=0, metavar="NUMBER", help="end after so many")

    def handle(self, *args: Any, **options: Any) -> None:
        self._stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stopped.set())
        try:
            layout = free_layout.find(os.environ)
            with lock.acquire(layout):
                self._run(layout, options["every"], options["failovers"])
        except settings.Misconfigured as error:
            raise CommandError(str(error), returncode=UNUSABLE) from error
        except (lifecycle.DidNotStart, lifecycle.NoAccount, supervision.DidNotStop, CallFailed) as error:
            raise CommandError(str(error)) from error
        except supervision.NotRunning as error:
            raise CommandError("The shop has ended: another process stopped it.") from error

    def _run(self, layout: Layout, every_s: float, failovers: int) -> None:
        lifecycle.prepare(layout)
        self._say(f"Starting a shop for the demonstration in {layout.run} ...")
        supervisor = lifecycle.start(layout)
        try:
            self._open(layout, supervisor)
            if not self._stopped.is_set():
                self._sell(RunningStack(layout=layout, supervisor=supervisor), every_s, failovers)
        finally:
            self._say("Stopping ...")
            with contextlib.suppress(supervision.NotRunning):
                supervision.stop(layout)
        self._say(f"Stopped. The shop of the demonstration is in {layout.run}: remove it as you like.")

    def _open(self, layout: Layout, supervisor: subprocess.Popen[bytes]) -> None:
        """Return when the shop serves, and has products and a staff account."""
        with obstacles.explained(layout):
            lifecycle.wait_until_usable(layout, supervisor, self._stopped)
            lifecycle.wait_until_answering(layout, supervisor, self._stopped)
        if self._stopped.is_set():
            return
        account = lifecycle.first_staff_account(layout, os.environ) or lifecycle.reset_staff_account(layout, os.environ)
        self._seed(layout)
        console().print(welcome.account_panel(account))
        self._say(f"Sales, as they come: {layout.url}/office/ (log in with this account)")
        self._say(f"Watch: {layout.url}/status/ (it shows more to who is logged in)")

    def _seed(self, layout: Layout) -> None:
        command = [sys.executable, "-m", "evergreen", "seed", "--dataset", "sample"]
        environment = lifecycle.command_environment(layout, os.environ)
        answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if answer.returncode and not self._stopped.is_set():
            raise CommandError(f"The catalogue was not seeded: {answer.stderr.strip()}")

    def _sell(self, stack: RunningStack, every_s: float, failovers: int) -> None:
        buyers = Buyers(stack.layout)
        began = time.monotonic()
        buyers.start()
        first_s = min(FIRST_S, every_s)
        self._say(
            f"{BUYERS} customers fill carts, hold them, buy and pay. The primary is killed in {first_s:.0f} s, and "
            f"then every {every_s:.0f} s. Ctrl-C ends everything; EVERGREEN_RUN={stack.layout.run.name} {PROGRAM} "
            "topology --watch shows more."
        )
        try:
            self._kill_again_and_again(stack, buyers, every_s, failovers, first_s)
        finally:
            buyers.stop()
            self._sum_up(buyers, began)
            self._look_up(stack, buyers)

    def _kill_again_and_again(
        self, stack: RunningStack, buyers: Buyers, every_s: float, failovers: int, first_s: float
    ) -> None:
        due = time.monotonic() + first_s
        for done in itertools.count(1):
            if self._stopped.wait(max(due - time.monotonic(), 0)):
                return
            due = time.monotonic() + every_s
            failover = fail_over(stack, buyers.since, self._stopped.is_set)
            if not self._stopped.is_set():
                self._say(f"{datetime.now():%H:%M:%S}  {failover.describe()}")
            if done == failovers:
                return

    def _sum_up(self, buyers: Buyers, began: float) -> None:
        records = buyers.since(began)
        slowest_s = max((record.ended - record.began for record in records if record.is_purchase), default=0.0)
        sales, failed = sum(record.is_sale for record in records), sum(record.is_failed for record in records)
        self._say(
            f"In {time.monotonic() - began:.0f} s: {sales:,} purchases, the slowest {slowest_s:.1f} s; "
            f"{failed} of {len(records):,} requests failed."
        )

    def _look_up(self, stack: RunningStack, buyers: Buyers) -> None:
        """Say whether all is there that the shop has confirmed."""
        try:
            stack.wait_until_serving()
            self._say(buyers.look_up().describe())
        except (CallFailed, lifecycle.DidNotStart) as error:
            self._say(f"The purchases could not be looked up: {error}")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
