"""The loop: what it hears, hands on, logs and counts."""

import os
import threading
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from operations.autoscale.engine import Engine
from operations.autoscale.loop import MAX_LINE_BYTES, Ended, Lines, Loop
from operations.autoscale.policy import Load, Policy
from operations.autoscale.prometheus import SignalMissing
from operations.autoscale.telemetry import Telemetry
from tests.architecture.sources import ROOT
from tests.monitoring.test_targets import ROW
from tests.stack_fixtures import wait_until


class Source:
    """Has this load, or none."""

    def __init__(self) -> None:
        self.value: Load | None = Load(instances=2, requests=12.0)

    def load(self) -> Load:
        if self.value is None:
            raise SignalMissing("Prometheus does not answer")
        return self.value


class Running:
    """A loop in a thread, and the other end of its standard input."""

    def __init__(self, *, is_dry_run: bool = False) -> None:
        read, self.write = os.pipe()
        self.read = read
        self.source, self.handed_on = Source(), list[int]()
        self.engine = Engine(Policy(up_interval_s=0.01))
        self.telemetry = Telemetry(self.engine.policy)
        self.loop = Loop(
            self.engine,
            self.source,
            self.telemetry,
            lines=Lines(read),
            hand_on=self.handed_on.append,
            poll_s=0.01,
            is_dry_run=is_dry_run,
        )
        self.thread = threading.Thread(target=self.loop.run)
        self.thread.start()

    def tell(self, line: str) -> None:
        os.write(self.write, f"{line}\n".encode())

    def value(self, name: str, **labels: str) -> float:
        found = self.telemetry.registry.get_sample_value(f"evergreen_autoscale_{name}", labels)
        assert found is not None
        return found

    def close(self) -> None:
        self.loop.stop()
        self.thread.join(10)
        os.close(self.read)
        os.close(self.write)


@pytest.fixture
def running() -> Iterator[Running]:
    found = Running()
    yield found
    found.close()


def named(logs: list, event: str) -> list:
    return [line for line in logs if line["event"] == event]


def test_a_decision_is_handed_on_once_and_logged(running):
    with capture_logs() as logs:
        running.tell("present 2")
        wait_until(lambda: running.handed_on == [4])
        wait_until(lambda: running.value("decisions_total", direction="none") > 3)
        running.tell("done 4")
        wait_until(lambda: running.value("present_instances") == 4)
    assert running.handed_on == [4]
    (line,) = named(logs, "autoscale decision")
    assert (line["direction"], line["present"], line["desired"], line["requests"]) == ("up", 2, 4, 12.0)
    assert running.value("decisions_total", direction="up") == 1
    assert running.value("desired_instances") == 4
    assert running.value("signal_requests") == 12


def test_nothing_is_handed_on_before_the_number_is_reported(running):
    wait_until(lambda: running.value("signal_timestamp_seconds") > 0)
    assert running.handed_on == []


def test_a_step_that_failed_is_an_error_and_not_tried_again_at_once(running):
    with capture_logs() as logs:
        running.tell("present 2")
        wait_until(lambda: running.handed_on == [4])
        running.tell("failed 2")
        wait_until(lambda: running.value("errors_total", kind="step") == 1)
        before = running.value("decisions_total", direction="none")
        wait_until(lambda: running.value("decisions_total", direction="none") > before + 3)
    (line,) = named(logs, "autoscale step failed")
    assert (line["log_level"], line["desired"], line["retry_s"]) == ("error", 4, 15)
    assert running.handed_on == [4]


def test_a_missing_signal_is_logged_once_and_counted_each_time(running):
    with capture_logs() as logs:
        running.source.value = None
        running.tell("present 4")
        wait_until(lambda: running.value("errors_total", kind="signal") > 3)
        at_s = running.value("signal_timestamp_seconds")
        running.source.value = Load(instances=4, requests=12.0)
        wait_until(lambda: running.value("signal_timestamp_seconds") > at_s)
    assert len(named(logs, "autoscale signal missing")) == len(named(logs, "autoscale signal back")) == 1
    assert running.handed_on == []


def test_lines_that_mean_nothing_are_ignored(running):
    for line in ("", "present", "present many", "done -1", "present 99999", "go", "é" * MAX_LINE_BYTES):
        running.tell(line)
    running.tell("present 2")
    wait_until(lambda: running.handed_on == [4])


def test_the_end_of_its_input_ends_it():
    running = Running()
    os.close(running.write)
    running.thread.join(10)
    assert not running.thread.is_alive()
    running.write = os.open(os.devnull, os.O_WRONLY)
    running.close()


def test_a_dry_run_hands_nothing_on_and_needs_no_other_end():
    with capture_logs() as logs:
        running = Running(is_dry_run=True)
        os.close(running.write)
        running.write = os.open(os.devnull, os.O_WRONLY)
        wait_until(lambda: running.value("present_instances") == 4)
        running.close()
    assert running.handed_on == []
    (line,) = named(logs, "autoscale decision")
    assert line["dry_run"] is True


def test_a_line_that_comes_in_pieces_is_one_line():
    read, write = os.pipe()
    lines = Lines(read)
    os.write(write, b"pres")
    assert lines.wait(1) == []
    os.write(write, b"ent 2\ndone 3\npre")
    assert lines.wait(1) == ["present 2", "done 3"]
    os.close(write)
    with pytest.raises(Ended):
        lines.wait(1)
    os.close(read)


def test_every_metric_is_documented():
    text = (ROOT / "docs" / "autoscaling.md").read_text("utf-8")
    documented = {row["name"]: row["type"] for row in ROW.finditer(text)}
    families = Telemetry(Policy()).registry.collect()
    exported = {f.name + ("_total" if f.type == "counter" else ""): f.type for f in families}
    assert documented == exported
