"""deploy/autoscale on containers: instances follow a load that rises and falls, and no request fails."""

import contextlib
import itertools
import json
import signal
import subprocess
import time

import httpx
import pytest

from configuration import ROOT
from tests.compose.readers import Readers
from tests.stack_fixtures import wait_until
from tests.system.shopping import STOCK, Load, check

#: The first test has the start of everything in its time.
pytestmark = pytest.mark.timeout(600)
#: Before a start and after it, for comparison.
QUIET_S = 6.0
#: nginx asks another instance for a read that has waited for so long.
READ_TIMEOUT_S = 2.0
#: As the product promises it: from the first request of the load to the last instance that nginx knows.
FOLLOWS_WITHIN_S = 60.0
MAX_INSTANCES = 4
POLICY = {
    "EVERGREEN_AUTOSCALE_MAX": str(MAX_INSTANCES),
    "EVERGREEN_AUTOSCALE_REQUESTS": "2",
    # The machine of the tests has other work: CPU that an instance does not get is no sign of too many instances.
    "EVERGREEN_AUTOSCALE_CPU_PERCENT": "400",
    "EVERGREEN_AUTOSCALE_UP_INTERVAL_S": "5",
    "EVERGREEN_AUTOSCALE_DOWN_INTERVAL_S": "3",
    "EVERGREEN_AUTOSCALE_STABILIZATION_S": "15",
    "EVERGREEN_AUTOSCALE_POLL_S": "2",
}


@pytest.fixture(scope="module")
def measured(deployment):
    """The deployment with Prometheus; afterwards as it was."""
    deployment.set(**POLICY)
    deployment.up("prometheus")
    yield deployment
    deployment.script("scale", "api", "2")
    deployment.compose("rm", "--stop", "--force", "prometheus", "monitoring-access")


def instances(containers):
    """How many API instances nginx knows."""
    text = (containers.layout.run / "nginx" / "instances.conf").read_text()
    return sum(line.startswith("server") and "backup" not in line for line in text.splitlines())


def scraped(containers, name):
    """The instances of which Prometheus has this metric."""
    port = containers.setting("EVERGREEN_PROMETHEUS_PORT")
    auth = ("prometheus", containers.setting("EVERGREEN_MONITORING_PASSWORD"))
    answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": name}, auth=auth)
    return [sample["metric"]["instance"] for sample in answer.json()["data"]["result"]]


@contextlib.contextmanager
def autoscaling(containers, log):
    """Runs deploy/autoscale, as a terminal does; ended by TERM where it still runs."""
    environment = {**containers.engine.environment, "EVERGREEN_ENV_FILE": str(containers.env_file)}
    with log.open("w") as output:
        process = subprocess.Popen(
            [ROOT / "deploy" / "autoscale"], env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(60)


def events(log, name):
    """The lines of this event in the log."""
    lines = [line[line.index("{") :] for line in log.read_text().splitlines() if '"event"' in line]
    return [event for event in map(json.loads, lines) if event["event"] == name]


def test_instances_follow_a_load_that_rises_and_falls(measured, staff, people, tmp_path):
    log = tmp_path / "autoscale.log"
    buyers = Load(buyers=[people()], readers=[people()], product=staff.new_product(STOCK), pause=0.1)
    readers = Readers(url=measured.base_url, path="/api/v1/products/?page_size=50", count=12)
    wait_until(lambda: set(scraped(measured, "evergreen_requests_waiting{job='api'}")) == {"api-1", "api-2"}, 60)
    with autoscaling(measured, log) as process, buyers:
        wait_until(lambda: "autoscale" in scraped(measured, "evergreen_autoscale_present_instances"), 60)
        assert measured.script("autoscale").stderr == "Autoscaling runs already, with these settings.\n"
        began = time.monotonic()
        with readers:
            wait_until(lambda: instances(measured) == MAX_INSTANCES, 2 * FOLLOWS_WITHIN_S)
            rose_s = time.monotonic() - began
            time.sleep(4)
        began = time.monotonic()
        wait_until(lambda: instances(measured) == 2, 2 * FOLLOWS_WITHIN_S)
        fell_s = time.monotonic() - began
        wait_until(lambda: len(events(log, "autoscale step carried out")) == len(events(log, "autoscale decision")))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert "There are 2 API instances." in log.read_text()
    assert (readers.failures, rose_s < FOLLOWS_WITHIN_S, fell_s < FOLLOWS_WITHIN_S) == ([], True, True)
    check(buyers, staff)
    directions = [event["direction"] for event in events(log, "autoscale decision")]
    assert directions in (["up", "down", "down"], ["up", "up", "down", "down"])
    assert events(log, "autoscale step failed") == []
    assert "autoscale" not in measured.compose("ps", "-a", "--services")
    print(f"rose in {rose_s:.1f} s, fell in {fell_s:.1f} s, {len(readers.samples)} reads")


def test_a_new_instance_holds_the_others_up_for_less_than_a_retry(measured):
    readers = Readers(url=measured.base_url, path="/api/v1/products/?page_size=50", count=4, pause_s=0.02)
    with readers:
        times = [time.monotonic()]
        time.sleep(QUIET_S)
        times.append(time.monotonic())
        assert measured.script("scale", "api", "3").returncode == 0
        times.append(time.monotonic())
        time.sleep(QUIET_S)
        times.append(time.monotonic())
    spans = dict(zip(("before", "start", "after"), itertools.pairwise(times), strict=True))
    for name, (since, until) in spans.items():
        quantiles = [1000 * readers.quantile_s(share, since, until) for share in (0.5, 0.99)]
        print(f"{name}: {until - since:.1f} s, median {quantiles[0]:.1f} ms, p99 {quantiles[1]:.1f} ms")
    assert readers.failures == []
    assert readers.quantile_s(0.99, *spans["start"]) < READ_TIMEOUT_S
    measured.script("scale", "api", "2")


def test_an_instance_that_cannot_be_started_leaves_the_others_as_they_are(measured):
    version = measured.setting("EVERGREEN_VERSION")
    measured.set(EVERGREEN_VERSION="nowhere")
    answer = measured.script("scale", "api", "3")
    measured.set(EVERGREEN_VERSION=version)
    assert answer.returncode == 1
    assert "There are 2 API instances: api-3 could not be added." in answer.stderr
    assert measured.script("scale", "api").stdout == "2\n"
    assert instances(measured) == 2
