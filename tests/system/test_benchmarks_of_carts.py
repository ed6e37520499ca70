"""The short form of the measurement of carts: each step is taken, and measured beside the purchase in one step."""

import re
import subprocess
import sys

import pytest

from benchmarks import commerce
from devstack.settings import ROOT

pytestmark = pytest.mark.prove

STEPS = (commerce.PURCHASE, commerce.CART, commerce.LINE, commerce.HOLD, commerce.CHECKOUT, commerce.PAY)


def test_each_step_of_a_cart_is_measured_beside_the_purchase_in_one_step():
    words = [sys.executable, "-m", "benchmarks.commerce", "--short", "--markdown"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^\| ([^|]+) \| +-?\d", done.stdout, re.MULTILINE) == list(STEPS)
    assert "commit" in done.stdout
