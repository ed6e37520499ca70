"""Counting without a lock: every count arrives, from whatever thread or process."""

import os
import subprocess
import sys
import threading

import pytest
from django.test import Client
from prometheus_client import CollectorRegistry
from prometheus_client import Histogram as LibraryHistogram

from shop import telemetry
from shop.queued_metrics import MAX_QUEUED, QUEUE, Counter, Gauge, Histogram

THREADS, COUNTS = 8, 3 * MAX_QUEUED


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def in_threads(work) -> None:
    """Run the work in several threads at once, until all have ended."""
    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_the_counts_of_threads_that_have_ended_are_all_there(registry: CollectorRegistry):
    counter = Counter("sold", "Units.", ["shop"], registry=registry)
    seconds = Histogram("wait", "Seconds.", buckets=(0.5, 1), registry=registry)

    def work():
        child = counter.labels("a")
        for _ in range(COUNTS):
            child.inc(2)
            seconds.observe(0.75)

    in_threads(work)
    assert registry.get_sample_value("sold_total", {"shop": "a"}) == 2 * THREADS * COUNTS
    assert registry.get_sample_value("wait_bucket", {"le": "0.5"}) == 0
    assert registry.get_sample_value("wait_bucket", {"le": "1.0"}) == THREADS * COUNTS
    assert registry.get_sample_value("wait_sum") == 0.75 * THREADS * COUNTS


def test_a_value_read_while_threads_count_never_falls(registry: CollectorRegistry):
    counter = Counter("sold", "Units.", registry=registry)
    read: list[float] = []

    def work():
        for _ in range(COUNTS):
            counter.inc()

    def watch():
        for _ in range(200):
            read.append(registry.get_sample_value("sold_total") or 0.0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    in_threads(work)
    watcher.join()
    assert read == sorted(read)
    assert registry.get_sample_value("sold_total") == THREADS * COUNTS


def test_observations_fall_into_the_buckets_of_the_library(registry: CollectorRegistry):
    both = (
        Histogram("ours", "Seconds.", buckets=(0.5, 1), registry=registry),
        LibraryHistogram("theirs", "Seconds.", buckets=(0.5, 1), registry=registry),
    )
    for seconds in (-1, 0, 0.49, 0.5, 0.51, 1, 1.5, float("inf")):
        for histogram in both:
            histogram.observe(seconds)
    ours, theirs = (
        [registry.get_sample_value(f"{name}_bucket", {"le": bound}) for bound in ("0.5", "1.0", "+Inf")]
        for name in ("ours", "theirs")
    )
    assert ours == theirs == [4, 6, 8]


def test_what_the_library_refuses_is_refused(registry: CollectorRegistry):
    with pytest.raises(ValueError, match="non-negative"):
        Counter("sold", "Units.", registry=registry).inc(-1)
    with pytest.raises(RuntimeError):
        Gauge("ahead", "Seconds.", registry=registry, multiprocess_mode="mostrecent").inc()
    for unlabelled in (
        Counter("bought", "Units.", ["shop"], registry=registry).inc,
        Gauge("waiting", "Writes.", ["shop"], registry=registry).dec,
        lambda: Histogram("wait", "Seconds.", ["shop"], registry=registry).observe(1),
    ):
        with pytest.raises(AttributeError):
            unlabelled()


def test_the_queue_stays_short_without_any_reader(registry: CollectorRegistry):
    counter = Counter("sold", "Units.", registry=registry)
    lengths = []
    for _ in range(10 * MAX_QUEUED):
        counter.inc()
        lengths.append(len(QUEUE))
    assert max(lengths) < MAX_QUEUED


def test_a_gauge_that_is_set_forgets_what_was_added_before(registry: CollectorRegistry):
    gauge = Gauge("waiting", "Writes.", registry=registry)
    gauge.inc(5)
    gauge.set(2)
    assert registry.get_sample_value("waiting") == 2
    gauge.inc()
    gauge.dec(3)
    assert registry.get_sample_value("waiting") == 0


def test_counting_does_not_wait_while_another_thread_adds_up(registry: CollectorRegistry):
    counter = Counter("sold", "Units.", registry=registry)
    with QUEUE._lock:
        for _ in range(2 * MAX_QUEUED):
            counter.inc()
    assert registry.get_sample_value("sold_total") == 2 * MAX_QUEUED


def test_the_metrics_page_has_every_count_before_it(monkeypatch: pytest.MonkeyPatch):
    def count() -> float:
        page = Client().get("/metrics").content.decode().splitlines()
        return float(next(line for line in page if line.startswith("evergreen_requests_shed_total ")).split()[1])

    before = count()
    in_threads(lambda: [telemetry.request_shed() for _ in range(100)])
    assert count() == before + 100 * THREADS


_PROCESSES = """
import os, sys, threading
from prometheus_client import CollectorRegistry, multiprocess
from shop import telemetry
from shop.queued_metrics import QUEUE, publish_regularly

telemetry.request_shed()
QUEUE.publish()
telemetry.request_shed()
child = os.fork()
if not child:
    publish_regularly(lambda: None)
    thread = threading.Thread(target=lambda: [telemetry.request_shed() for _ in range(5000)])
    thread.start()
    thread.join()
    sys.exit()
os.waitpid(child, 0)
QUEUE.publish()
registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
print(registry.get_sample_value("evergreen_requests_shed_total"))
"""


def test_the_counts_of_a_forked_process_that_has_ended_are_added_once(tmp_path):
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", _PROCESSES], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    assert float(run.stdout) == 5002
