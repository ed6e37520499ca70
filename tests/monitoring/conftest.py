"""The programs that check and run what lies in monitoring/. Where they are not installed their tests are left out; in
CI they fail."""

import os
import shutil

import pytest

PACKAGES = "prometheus, prometheus-alertmanager, prometheus-redis-exporter, prometheus-nginx-exporter, nginx"


def installed(name: str) -> str:
    """The path of this program."""
    found = shutil.which(name)
    if not found:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing(f"There is no {name} on this machine: install {PACKAGES}.")
    return str(found)


@pytest.fixture(scope="session")
def promtool() -> str:
    return installed("promtool")


@pytest.fixture(scope="session")
def amtool() -> str:
    return installed("amtool")
