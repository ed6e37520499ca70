"""Decisions: bounds, pace, tolerance, missing signals, and no flapping."""

import itertools
import math

import pytest

from operations.autoscale.engine import MAX_BACKOFF_S, MAX_DOUBLINGS, MIN_BACKOFF_S, Direction, Engine
from operations.autoscale.policy import Load, Policy

POLL_S = 5.0
UP, DOWN, NONE = Direction.UP, Direction.DOWN, Direction.NONE


class Simulation:
    """An engine whose decisions are carried out at once, asked every POLL_S; `steps` are pairs of when and how many."""

    def __init__(self, present: int = 2, **policy: float) -> None:
        self.engine = Engine(Policy(**{"max_instances": 10, **policy}))
        self.now_s = 1000.0
        self.steps: list[tuple[float, int]] = []
        self.engine.report_present(present)

    @property
    def present(self) -> int:
        assert self.engine.present is not None
        return self.engine.present

    def run(self, seconds: float, requests: float | None, cpu_cores: float | None = None, missing: int = 0) -> None:
        """Measure this load for so long; None is no signal, and `missing` instances are not measured."""
        for _ in range(round(seconds / POLL_S)):
            self.now_s += POLL_S
            load = None
            if requests is not None:
                load = Load(instances=self.present - missing, requests=requests, cpu_cores=cpu_cores)
            decision = self.engine.decide(self.now_s, load)
            if decision.direction is not NONE:
                self.steps.append((self.now_s, decision.desired))
                self.engine.report_done(decision.desired, self.now_s)

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.steps]


def test_the_number_is_the_load_by_the_target_rounded_up():
    simulation = Simulation(requests=3)
    simulation.run(POLL_S, requests=10)
    assert simulation.numbers == [4]


def test_the_signal_that_takes_most_instances_counts():
    simulation = Simulation(requests=3, cpu_cores=0.5)
    simulation.run(POLL_S, requests=1, cpu_cores=2.4)
    assert simulation.numbers == [5]


@pytest.mark.parametrize(("requests", "numbers"), [(6.6, []), (6.7, [3])])
def test_a_load_within_the_tolerance_changes_nothing(requests, numbers):
    simulation = Simulation(requests=3)
    simulation.run(60, requests=requests)
    assert simulation.numbers == numbers


def test_a_step_up_adds_at_most_as_many_as_there_are_or_four():
    simulation = Simulation(max_instances=64)
    simulation.run(60, requests=1000)
    assert simulation.numbers == [6, 12, 24, 48]


def test_steps_up_are_15_seconds_apart():
    simulation = Simulation(max_instances=64)
    simulation.run(60, requests=1000)
    times = [at_s for at_s, _ in simulation.steps]
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [15, 15, 15]


def test_there_are_never_more_than_the_maximum():
    simulation = Simulation(max_instances=6)
    simulation.run(600, requests=1000)
    assert simulation.numbers == [6]


def test_an_instance_is_removed_each_minute_after_five_minutes():
    simulation = Simulation(present=5)
    simulation.run(1200, requests=0)
    assert simulation.numbers == [4, 3, 2]
    times = [at_s - 1000 for at_s, _ in simulation.steps]
    assert times == [305, 365, 425]


def test_there_are_never_fewer_than_the_minimum():
    simulation = Simulation(present=4, min_instances=3)
    simulation.run(3000, requests=0)
    assert simulation.numbers == [3]


def test_fewer_than_the_minimum_are_completed_without_a_signal():
    simulation = Simulation(present=1)
    simulation.run(POLL_S, requests=None)
    assert simulation.numbers == [2]


def test_one_peak_within_five_minutes_keeps_every_instance():
    simulation = Simulation(present=4, requests=3)
    for _ in range(10):
        simulation.run(250, requests=1)
        simulation.run(POLL_S, requests=12)
    assert simulation.numbers == []


def test_as_many_are_removed_as_the_highest_load_of_the_window_allows():
    simulation = Simulation(present=6, requests=3)
    simulation.run(200, requests=9)
    simulation.run(350, requests=1)
    assert simulation.numbers[:3] == [5, 4, 3]
    assert simulation.steps[0][0] - 1000 == 305


def test_without_a_signal_nothing_is_removed():
    simulation = Simulation(present=6)
    simulation.run(295, requests=0)
    simulation.run(600, requests=None)
    assert simulation.numbers == []


def test_after_a_missing_signal_the_window_begins_anew():
    simulation = Simulation(present=6)
    simulation.run(290, requests=0)
    simulation.run(POLL_S, requests=None)
    simulation.run(300, requests=0)
    assert simulation.numbers == []
    simulation.run(POLL_S, requests=0)
    assert simulation.numbers == [5]


def test_after_a_gap_between_two_looks_the_window_begins_anew():
    simulation = Simulation(present=6)
    simulation.run(290, requests=0)
    simulation.now_s += 600
    simulation.run(300, requests=0)
    assert simulation.numbers == []


def test_while_an_instance_is_not_measured_nothing_is_removed():
    simulation = Simulation(present=6)
    simulation.run(900, requests=0, missing=1)
    assert simulation.numbers == []


def test_while_an_instance_is_not_measured_others_are_added():
    simulation = Simulation(present=2)
    simulation.run(POLL_S, requests=12, missing=1)
    assert simulation.numbers == [4]


def test_a_step_that_is_under_way_is_waited_for():
    engine = Engine(Policy(max_instances=10))
    engine.report_present(2)
    load = Load(instances=2, requests=100.0)
    assert engine.decide(0, load).direction is UP
    assert [engine.decide(now, load).direction for now in range(5, 200, 5)] == [NONE] * 39
    engine.report_present(2)
    assert engine.decide(200, load).direction is NONE
    engine.report_done(6, 200)
    assert engine.decide(210, load).direction is NONE
    assert engine.decide(215, load).desired == 10


def test_a_step_that_failed_is_tried_again_after_a_pause_that_doubles():
    engine, now_s, pauses = Engine(Policy()), 0.0, []
    engine.report_present(2)
    for _ in range(7):
        assert engine.decide(now_s, Load(instances=2, requests=100.0)).desired == 6
        pauses.append(engine.report_failed(2, now_s))
        assert engine.decide(now_s + pauses[-1] - 0.1, Load(instances=2, requests=100.0)).direction is NONE
        now_s += pauses[-1]
    assert pauses == [15, 30, 60, 120, 240, 300, 300]
    assert (pauses[0], pauses[-1]) == (MIN_BACKOFF_S, MAX_BACKOFF_S)
    engine.decide(now_s, Load(instances=2, requests=100.0))
    engine.report_done(6, now_s)
    engine.decide(now_s + 400, Load(instances=6, requests=0.0))
    assert engine.report_failed(6, now_s + 400) == MIN_BACKOFF_S


def test_nothing_is_decided_before_the_number_of_instances_is_known():
    engine = Engine(Policy())
    assert engine.decide(0, Load(instances=2, requests=100.0)).direction is NONE


def test_the_number_that_the_operator_set_meanwhile_is_taken_over():
    simulation = Simulation(present=2, requests=3)
    simulation.run(60, requests=6)
    simulation.engine.report_present(5)
    simulation.run(300, requests=6)
    assert simulation.numbers == [4]


def test_more_than_the_maximum_are_reduced_step_by_step():
    simulation = Simulation(present=9, max_instances=6)
    simulation.run(600, requests=1000)
    assert simulation.numbers == [8, 7, 6]


def wave(simulation: Simulation, period_s: float, hours: float) -> None:
    """A load between one and ten instances, up and down once in a period."""
    start = simulation.now_s
    while simulation.now_s < start + hours * 3600:
        phase = (simulation.now_s - start) / period_s * 2 * math.pi
        simulation.run(POLL_S, requests=15 - 14 * math.cos(phase))


def test_waves_that_are_shorter_than_the_window_leave_the_number_at_their_top():
    simulation = Simulation()
    wave(simulation, period_s=240, hours=6)
    assert simulation.numbers == sorted(simulation.numbers)
    assert simulation.present == 10


def test_a_load_that_needs_what_was_removed_makes_the_window_longer():
    """With fewer instances requests wait, so that more seem to be needed, and with more of them none do."""
    simulation = Simulation(present=4, requests=3)
    for _ in range(round(8 * 3600 / POLL_S)):
        simulation.run(POLL_S, requests=4.0 if simulation.present > 2 else 12.0)
    removals = [at_s for at_s, number in simulation.steps if number == 2]
    assert removals[1] - removals[0] > 300
    gaps = [later - earlier for earlier, later in itertools.pairwise(removals)]
    assert min(gaps[3:]) > 300 * 2**MAX_DOUBLINGS
    assert simulation.engine.window_s == 300 * 2**MAX_DOUBLINGS


def test_the_window_becomes_shorter_again_where_removals_hold():
    simulation = Simulation(present=3, requests=3)
    simulation.run(400, requests=1)
    simulation.run(15, requests=12)
    assert simulation.engine.window_s == 600
    simulation.run(5000, requests=1)
    assert simulation.engine.window_s == 300
    assert simulation.present == 2


def test_a_step_load_is_followed_once_up_and_once_down():
    simulation = Simulation(requests=3)
    simulation.run(600, requests=2)
    simulation.run(600, requests=18)
    simulation.run(1200, requests=2)
    assert simulation.numbers == [6, 5, 4, 3, 2]
