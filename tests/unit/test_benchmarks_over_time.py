"""The soak and the growth: what is flat, what is counted, and what sizes are."""

import os
import random
import socket
import time
from dataclasses import replace

import pytest

from benchmarks import erasure, processes, profiles, soak
from benchmarks.growth_store import Size
from benchmarks.paced import PacedLoad
from benchmarks.side import SHOP, Side
from benchmarks.trend import trend
from benchmarks.workloads import Catalogue
from tests.unit.test_benchmarks import server

NOISE = [random.Random(1).uniform(-1, 1) for _ in range(60)]


def test_noise_is_flat():
    assert trend("memory", [100 + each for each in NOISE], share=0.05, least=4).is_flat


def test_what_falls_is_flat():
    assert trend("memory", [100 - number for number in range(60)], share=0.05, least=4).is_flat


def test_what_grows_only_in_the_first_third_is_flat():
    assert trend("memory", [min(number, 20) * 10 for number in range(60)], share=0.05, least=4).is_flat


def test_what_grows_by_a_little_each_time_is_not_flat():
    found = trend("memory", [100 + number / 3 + each for number, each in enumerate(NOISE)], share=0.05, least=4)
    assert not found.is_flat
    assert found.last - found.first == pytest.approx(13, abs=1)


def test_too_few_samples_have_no_trend():
    with pytest.raises(ValueError, match="too few"):
        trend("memory", [1, 2, 3], share=0.05, least=4)


def sample(at_s, **figures):
    values = {"answered": 100, "failed": 0, "p50_ms": 5.0, "p99_ms": 9.0, "close_waits": 0}
    return soak.Sample(at_s=at_s, memory_mb={"api": 50.0}, data_mb=10.0, files={"api": 20}, **(values | figures))


def test_each_figure_of_a_soak_has_a_verdict():
    found = soak.trends([sample(10 * number, close_waits=number) for number in range(1, 31)])
    assert {each.name: each.is_flat for each in found} == {
        "api: memory, MB": True,
        "api: open files": True,
        "sockets in CLOSE_WAIT": False,
        "latency p50, ms": True,
        "latency p99, ms": True,
    }


@pytest.mark.parametrize(("data_mb", "is_flat"), [(0, False), (100, True)])
def test_memory_of_data_nodes_may_grow_with_their_data(data_mb, is_flat):
    samples = [
        replace(sample(10 * number), memory_mb={"redis": 50 + number / 2}, files={"redis": 9}, data_mb=data_mb * number)
        for number in range(1, 31)
    ]
    assert soak.trends(samples)[0].is_flat == is_flat


def test_table_over_time_has_a_bounded_number_of_lines_and_the_last_sample():
    rows = soak.over_time([sample(10 * number) for number in range(1, 361)]).rows
    assert len(rows) == soak.MAX_LINES
    assert rows[-1][0] == "60.0 min"


def test_load_of_a_soak_has_two_reads_to_a_purchase():
    side = Side(name=SHOP, port=0, processes={}, tokens=["t"], products=["1", "2", "3"])
    texts = soak.mixed(side, Catalogue(categories=[], words=[]))
    assert sum(text.startswith(b"POST") for text in texts) * 3 == len(texts) == soak.REQUESTS


def test_paced_load_sends_no_faster_than_its_rate():
    with server() as port:
        load, began = PacedLoad(port, [b"GET / HTTP/1.1\r\n\r\n"], connections=2, rate=100), time.monotonic()
        load.start()
        time.sleep(0.5)
        load.stop()
        elapsed_s = time.monotonic() - began
    taken = load.take()
    assert 0 < len(taken.seconds) <= 100 * elapsed_s + 2
    assert taken.failed == 0


@pytest.mark.parametrize("status", ["503 Busy", "302 Found"])
def test_paced_load_counts_what_has_no_success(status):
    with server(status) as port:
        load = PacedLoad(port, [b"GET / HTTP/1.1\r\n\r\n"], connections=1, rate=50)
        load.start()
        time.sleep(0.2)
        load.stop()
    taken = load.take()
    assert taken.seconds == []
    assert taken.failed > 0


def test_a_socket_that_the_other_end_has_closed_is_counted():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        with listener.accept()[0]:
            client.close()
            end = time.monotonic() + 10
            while not processes.close_waits([os.getpid()]) and time.monotonic() < end:
                time.sleep(0.01)
            assert processes.close_waits([os.getpid()]) == 1
    assert processes.close_waits([os.getpid()]) == 0


def test_size_of_a_store_is_read():
    assert Size.parse("92000:10000") == (92_000, 10_000)
    assert str(Size(92_000, 10_000)) == "92,000 products, 10,000 purchases"


def test_a_million_purchases_may_take_longer_than_the_slowest_run_took():
    assert erasure.limit_s(1_000_000) > 1_000_000 / 815


def test_profile_counts_the_innermost_function_by_package():
    found = profiles.read(
        [
            "run (/lib/python3.11/threading.py:1);get (/x/site-packages/django/core/handlers/base.py:5) 3",
            "run (/lib/python3.11/threading.py:1);send (/tree/exactly_once/client.py:9) 2",
            "run (/lib/python3.11/threading.py:1) 1",
            "",
        ]
    )
    assert found.packages == {"Django": 3, "exactly_once": 2, "standard library": 1}
    assert found.functions["send (exactly_once)"] == 2
