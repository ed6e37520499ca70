"""The age of a request, found without trusting any clock but the process's own."""

import pytest

from shop.api.arrivals import BUCKET_S, MAX_SOURCES, MIN_SAMPLES, Arrival, Arrivals

#: Seconds by which this machine's clock is ahead of nginx's.
SKEWS = [0.0, 120.0, -120.0, 1e6, 0.7]


class Process:
    """An instance that has run for 1000 s on its own clock when its first request comes. A request takes 2 ms to it."""

    def __init__(self, skew_s: float) -> None:
        self.skew_s = skew_s
        self.now = 1000.0
        self.offsets: list[float] = []
        self.arrivals = Arrivals(self.offsets.append)

    def receive(self, age_s: float = 0.0, address: str = "") -> Arrival:
        """A request that reached nginx so long ago."""
        wall = 2e9 + self.now
        return self.arrivals.receive(address, wall - self.skew_s - age_s - 0.002, self.now, wall)

    def serve(self, seconds: float) -> None:
        """A request every 0.2 s."""
        for _ in range(round(seconds * 5)):
            self.now += 0.2
            self.receive()


@pytest.fixture(params=SKEWS)
def process(request: pytest.FixtureRequest) -> Process:
    """An instance that has served for a minute."""
    made = Process(request.param)
    made.serve(60)
    return made


@pytest.mark.parametrize("age_s", [0.0, 3.5, 7.0, 10.4])
def test_the_age_does_not_depend_on_the_clocks(process: Process, age_s: float):
    assert process.receive(age_s).age_s == pytest.approx(age_s, abs=0.01)


@pytest.mark.parametrize("skew_s", [120.0, -120.0])
def test_an_age_is_unknown_until_the_clocks_are_known(skew_s: float):
    process = Process(skew_s)
    assert process.receive() == Arrival(None)
    process.serve(MIN_SAMPLES)
    assert process.receive(3.5).age_s == pytest.approx(3.5, abs=0.01)


def test_clocks_that_agree_say_the_age_of_a_first_delivery_at_once():
    assert Process(0.0).receive(0.5).age_s == pytest.approx(0.5, abs=0.01)
    assert Process(0.0).receive(3.5) == Arrival(None)


def test_a_request_that_lay_in_a_frozen_instance_is_stale(process: Process):
    process.now += 700
    assert [process.receive(age) for age in (700, 350)] == [Arrival(None, is_stale=True)] * 2
    assert process.receive().age_s == pytest.approx(0, abs=0.02)
    assert process.receive(3.5).age_s == pytest.approx(3.5, abs=0.02)


def test_a_request_that_lay_in_a_frozen_instance_for_less_than_outcomes_are_recorded_may_be_a_retry(process: Process):
    process.now += 60
    assert process.receive(60) == Arrival(None)


@pytest.mark.parametrize("step_s", [-600, -20, 20, 600])
def test_a_clock_that_is_set_makes_no_request_of_a_busy_instance_stale(process: Process, step_s: float):
    process.skew_s += step_s
    arrivals = []
    for _ in range(round(3 * BUCKET_S)):
        process.now += 1
        arrivals.append(process.receive())
    assert not any(arrival.is_stale for arrival in arrivals)
    assert arrivals[-1].age_s == pytest.approx(0, abs=0.01)


def test_each_nginx_has_a_clock_of_its_own(process: Process):
    other = process.skew_s + 50
    for _ in range(100):
        process.now += 0.2
        process.receive(address="10.0.0.1")
        process.skew_s, other = other, process.skew_s
        process.receive(address="10.0.0.2")
        process.skew_s, other = other, process.skew_s
    assert process.receive(3.5, "10.0.0.1").age_s == pytest.approx(3.5, abs=0.01)


def test_as_many_addresses_are_remembered_as_may_be():
    process = Process(0.0)
    for number in range(10 * MAX_SOURCES):
        process.receive(address=str(number))
    assert len(process.arrivals._sources) == MAX_SOURCES


def test_the_difference_of_the_clocks_is_reported_after_each_bucket(process: Process):
    assert len(process.offsets) >= 1
    assert process.offsets == pytest.approx([process.skew_s + 0.002] * len(process.offsets), abs=0.001)
