import os
import subprocess
import sys

import pytest

from devstack.settings import ROOT
from devstack.temporary import free_port


def said(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What the exporter says when it ends at once."""
    command = [sys.executable, "-m", "operations.exporter", *arguments]
    environ = {**os.environ, "EVERGREEN_RUN": "/nowhere", **variables}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", ["--listen", "--access-log"])
def test_what_is_no_address_is_named_with_what_one_is(name):
    result = said(name, "nonsense")
    assert result.returncode == 2
    assert "'nonsense' is no address: write host:port" in result.stderr


def test_without_a_store_it_says_what_is_missing():
    result = said("--listen", f"127.0.0.1:{free_port()}", "--access-log", f"127.0.0.1:{free_port()}")
    assert result.returncode == 1
    assert "SECRET_KEY is missing" in result.stderr
    assert "Traceback" not in result.stderr
