"""The loop: ask for the signal, decide, hand the number to the program that carries it out, and hear how that went.

The other end writes lines to standard input: `present N` at any time, `done N` or `failed N` after each number that it
was given. The end of standard input ends the loop.
"""

import os
import select
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from operations.autoscale.engine import Decision, Direction, Engine
from operations.autoscale.policy import Load
from operations.autoscale.prometheus import SignalMissing
from operations.autoscale.telemetry import Telemetry

#: Of a line of the other end, and of the largest number in it.
MAX_LINE_BYTES, MAX_INSTANCES = 1024, 10_000
#: Seconds between two looks whether the process is to end.
STOP_POLL_S = 0.5

_LOG = structlog.get_logger()


class Ended(Exception):
    """The other end is gone."""


class Source(Protocol):
    """Where the load is asked for."""

    def load(self) -> Load:
        """Return it. Raises SignalMissing."""
        ...


class Lines:
    """Lines of a file descriptor, with a bound for each."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def wait(self, timeout_s: float) -> list[str]:
        """Return the lines that come within this time: at once where there are some.

        Raises:
            Ended: no more will come.
        """
        ready, _, _ = select.select([self._descriptor], [], [], timeout_s)
        if not ready:
            return []
        received = os.read(self._descriptor, MAX_LINE_BYTES)
        if not received:
            raise Ended
        *lines, self._rest = (self._rest[-MAX_LINE_BYTES:] + received).split(b"\n")
        return [line.decode(errors="replace").strip() for line in lines]


class Loop:
    """Runs until it is stopped, or the other end is gone. In a dry run nothing is handed on: each step counts as done,
    and no other end is needed."""

    def __init__(
        self,
        engine: Engine,
        source: Source,
        telemetry: Telemetry,
        *,
        lines: Lines,
        hand_on: Callable[[int], None],
        poll_s: float,
        is_dry_run: bool = False,
    ) -> None:
        self._engine, self._source, self._telemetry = engine, source, telemetry
        self._lines: Lines | None = lines
        self._hand_on, self._poll_s, self._is_dry_run = hand_on, poll_s, is_dry_run
        self._is_stopped = self._is_blind = False

    def stop(self) -> None:
        """End the loop, within STOP_POLL_S."""
        self._is_stopped = True

    def run(self) -> None:
        """Look every `poll_s`."""
        next_s = time.monotonic()
        while not self._is_stopped:
            try:
                self._listen(next_s - time.monotonic())
                if time.monotonic() >= next_s and not self._is_stopped:
                    next_s = time.monotonic() + self._poll_s
                    self._look()
            except (Ended, BrokenPipeError):
                return

    def _listen(self, timeout_s: float) -> None:
        timeout_s = max(0.0, min(timeout_s, STOP_POLL_S))
        if self._lines is None:
            time.sleep(timeout_s)
            return
        try:
            lines = self._lines.wait(timeout_s)
        except Ended:
            if not self._is_dry_run:
                raise
            self._lines = None
            return
        for line in lines:
            self._hear(line)

    def _hear(self, line: str) -> None:
        word, _, number = line.partition(" ")
        if not number.isdecimal() or int(number) > MAX_INSTANCES:
            return
        present = int(number)
        if word == "present":
            self._engine.report_present(present)
        elif word == "done":
            _LOG.info("autoscale step carried out", present=present, desired=self._engine.pending)
            self._engine.report_done(present, time.monotonic())
        elif word == "failed":
            desired = self._engine.pending
            retry_s = self._engine.report_failed(present, time.monotonic())
            self._telemetry.failed("step")
            _LOG.error("autoscale step failed", present=present, desired=desired, retry_s=retry_s)

    def _look(self) -> None:
        load = self._load()
        if load and self._is_dry_run and self._engine.present is None:
            self._engine.report_present(load.instances)
        decision = self._engine.decide(time.monotonic(), load)
        if decision.present:
            self._telemetry.decided(decision, self._engine.pending or decision.desired, self._engine.window_s)
        if decision.direction is not Direction.NONE:
            self._begin(decision, load)

    def _load(self) -> Load | None:
        try:
            load = self._source.load()
        except SignalMissing as error:
            self._telemetry.failed("signal")
            if not self._is_blind:
                _LOG.warning("autoscale signal missing", reason=str(error))
            self._is_blind = True
            return None
        if self._is_blind:
            _LOG.info("autoscale signal back", instances=load.instances)
        self._is_blind = False
        self._telemetry.measured(load, time.time())
        return load

    def _begin(self, decision: Decision, load: Load | None) -> None:
        _LOG.info(
            "autoscale decision",
            direction=str(decision.direction),
            present=decision.present,
            desired=decision.desired,
            wanted=decision.wanted,
            reason=decision.reason,
            measured=load.instances if load else None,
            requests=round(load.requests, 2) if load else None,
            cpu_cores=round(load.cpu_cores, 2) if load and load.cpu_cores is not None else None,
            dry_run=self._is_dry_run,
        )
        if self._is_dry_run:
            self._engine.report_done(decision.desired, time.monotonic())
        else:
            self._hand_on(decision.desired)
