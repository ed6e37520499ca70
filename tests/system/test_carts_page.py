"""docs/carts.md: what it shows is run as it is shown, in its order, against a shop."""

import subprocess
import uuid

from devstack.temporary import RunningStack
from tests.client_page import program
from tests.system.shopping import Shopper


def test_the_shell_of_the_page_buys_one_cart_by_two_requests(stack: RunningStack, staff: Shopper):
    stack.wait_until_serving()
    body = {"sku": uuid.uuid4().hex, "name": "Apples", "price": "1.20", "currency": "EUR", "stock": 50}
    apples = staff.post("/products/", body).json()["id"]
    command = ("bash", "-ec", program("sh", stack.base_url, "carts.md"))
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "Idempotent-Replayed: true" in answer.stdout
    assert '"email":"guest@example.com"' in answer.stdout
    assert staff.stock(apples) == 48
