"""Commands in another terminal, which knows nothing but the data directory of the stack."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from configuration import ROOT
from devstack.temporary import RunningStack
from tests.stack_fixtures import wait_until
from tests.system.shopping import Shopper

README = ROOT / "README.md"


def run(stack: RunningStack, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command of manage.py, with no variable but EVERGREEN_RUN and these."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "EVERGREEN_RUN": str(stack.layout.run), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(autouse=True)
def serving(stack: RunningStack) -> None:
    """The stack is on a network and a port that are no defaults, and serves."""
    assert (stack.layout.settings.network, stack.layout.settings.port) != ("127.20.0", 8080)
    stack.wait_until_serving()


def test_status_shows_the_stack_that_runs(stack: RunningStack):
    def read_status() -> dict[str, Any]:
        status: dict[str, Any] = json.loads(run(stack, "stack", "status", "--json").stdout)
        return status

    # A process counts as starting for a moment after it serves.
    wait_until(lambda: {part["state"] for part in read_status()["processes"]} == {"running"})
    status = read_status()
    addresses = {part["name"]: part["address"] for part in status["processes"]}
    assert status["url"] == stack.base_url
    assert addresses["nginx"] == str(stack.layout.nginx)
    assert addresses["redis-1"] == str(stack.layout.redis["redis-1"])
    assert sorted(part["role"] for part in status["processes"] if part["role"]) == ["primary", "replica", "replica"]


def test_doctor_finds_no_problem_in_the_stack_that_runs(stack: RunningStack):
    def findings() -> list[dict[str, str]]:
        return json.loads(run(stack, "doctor", "--json").stdout)["diagnoses"]

    wait_until(lambda: "problem" not in {line["level"] for line in findings()})
    readiness = [line for line in findings() if line["check"] == "readiness"]
    assert [line["level"] for line in readiness] == ["ok"]


def test_logs_are_those_of_the_stack_that_runs(stack: RunningStack):
    shown = run(stack, "stack", "logs", "redis-1").stdout
    assert stack.log("redis-1").splitlines()[-1] in shown


def test_topology_shows_the_store_of_the_stack_that_runs(stack: RunningStack):
    report = json.loads(run(stack, "topology", "--json").stdout)
    assert {node["address"] for node in report["nodes"]} == set(map(str, stack.layout.redis.values()))
    assert "nginx" in {part["name"] for part in report["instances"]}


def test_the_tour_buys_a_product_of_the_shop_once(stack: RunningStack, staff: Shopper):
    product = staff.new_product(stock=10)
    shown = run(stack, "tour", "--yes")
    assert shown.returncode == 0, shown.stderr
    lines = [line for line in shown.stdout.splitlines() if line.startswith("curl -s ")]
    # Without the step of the voucher, which only the sample has.
    assert len(lines) == 10
    assert '"status": "captured"' in shown.stdout
    assert all(f"{stack.base_url}/api/v1/" in line for line in lines)
    assert "Idempotent-Replayed: true" in shown.stdout
    assert f"{stack.base_url}/office/purchases/" in shown.stdout.splitlines()[-2]
    assert staff.stock(product) == 9


def test_a_line_of_the_tour_is_a_command_with_the_same_answer(stack: RunningStack, staff: Shopper):
    product = staff.new_product(stock=10)
    lines = run(stack, "tour", "--yes").stdout.splitlines()
    purchases = [line for line in lines if "/purchases/ " in line and "Idempotency-Key" in line]
    repeated = subprocess.run(["sh", "-c", purchases[0]], capture_output=True, text=True, check=True)
    assert json.loads(repeated.stdout)["items"][0]["product"] == product
    assert staff.stock(product) == 9


def test_the_first_purchase_of_the_readme_can_be_pasted(stack: RunningStack, staff: Shopper):
    block = re.search(
        r"^## The first purchase$.*?^```sh$(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert block
    seed, *lines = block[1].strip().splitlines()
    assert seed.startswith("./manage.py seed --dataset sample")
    # That product of the sample: two thousand would be in the way of other tests.
    product = staff.new_product(stock=10, sku="CJ-1082185")
    pasted = "\n".join(lines).replace("http://127.0.0.1:8080", stack.base_url)
    answers = subprocess.run(["bash", "-c", pasted], capture_output=True, text=True, check=True).stdout
    assert '"status":"placed"' in answers
    assert staff.stock(product) == 8


def test_a_restart_says_what_happened_and_where_to_watch(stack: RunningStack):
    shown = run(stack, "stack", "restart", "api-2").stdout
    assert shown.startswith("api-2 was restarted, and does its part again after ")
    assert f"Watch: {stack.base_url}/status/" in shown


def test_a_variable_that_contradicts_the_stack_that_runs_is_refused(stack: RunningStack):
    refused = run(stack, "stack", "status", EVERGREEN_PORT="1")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("EVERGREEN_PORT is '1', and the stack that runs in ")
