"""The short form of `make bench`: every workload on every side, and no request without a success."""

import json
import subprocess
import sys

import pytest

from benchmarks.comparison import SIDES
from benchmarks.report import KINDS
from benchmarks.side import SHOP
from benchmarks.workloads import WORKLOADS
from devstack.settings import ROOT

pytestmark = pytest.mark.prove

MEASURED = {(key, side) for key, workload in WORKLOADS.items() for side in workload.sides}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("benchmarks")
    words = [sys.executable, "-m", "benchmarks", "--short", "--markdown", "--output", str(directory)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False), directory


@pytest.fixture(scope="module")
def results(run):
    done, directory = run
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((directory / "results.json").read_text())


def test_every_workload_is_measured_on_every_side_without_a_failure(results):
    assert {(row["workload"], row["side"]) for row in results["rows"]} == MEASURED
    assert results["failed"] == 0


def test_cpu_time_of_the_shop_is_that_of_every_kind_of_process(results):
    kinds = {kind for row in results["rows"] if row["side"] == SHOP for kind in row["cpu_ms"]}
    assert kinds == set(KINDS)


def test_every_row_has_a_rate_and_ordered_latencies(results):
    for row in results["rows"]:
        assert row["rate"] > 0
        assert 0 < row["p50_ms"] <= row["p99_ms"] <= row["p999_ms"]


def test_tables_plots_and_the_machine_are_printed_and_saved(run):
    done, directory = run
    assert all(side in done.stdout for side in SIDES)
    assert all(word in done.stdout for word in ("Every request had a success.", "commit", "Python", "client"))
    assert {path.name for path in directory.iterdir()} == {"results.json", "cpu.svg", "latency.svg", "rate.svg"}
