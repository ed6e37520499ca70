"""docs/client.md: what it shows is run as it is shown, in its order, against a shop."""

import subprocess
import sys
import uuid

import pytest

from devstack.temporary import RunningStack
from tests.client_page import program
from tests.system.shopping import Shopper

STOCK = 50


def run(*command: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def bananas(stack: RunningStack, staff: Shopper) -> str:
    """The id of what the page buys: no other product of the shop has that word."""
    stack.wait_until_serving()
    body = {"sku": uuid.uuid4().hex, "name": "Bananas", "price": "1.20", "currency": "EUR", "stock": STOCK}
    answer = staff.post("/products/", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_the_python_of_the_page_buys_twice_by_two_keys_and_three_requests(
    stack: RunningStack, staff: Shopper, bananas: str
):
    before = staff.stock(bananas)
    printed = run(sys.executable, "-c", program("python", stack.base_url))
    assert printed.splitlines()[-1] == f"[{before - 2}]"
    assert staff.stock(bananas) == before - 4


def test_the_shell_of_the_page_buys_once_by_two_requests(stack: RunningStack, staff: Shopper, bananas: str):
    before = staff.stock(bananas)
    printed = run("bash", "-ec", program("sh", stack.base_url))
    assert '"status":"placed"' in printed
    assert "Idempotent-Replayed: true" in printed
    assert "\n304\n" in printed
    assert '"code":"precondition-failed"' in printed
    assert '"code":"insufficient-stock"' in printed
    assert staff.stock(bananas) == before - 2
