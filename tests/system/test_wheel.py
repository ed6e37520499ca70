"""The package in an environment of its own, as `pip install` or `uvx` makes one: its command serves a shop."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from devstack import lifecycle, orphans, supervision, temporary
from devstack.layout import Layout
from tests.integration.test_package import build_wheel

READY = "Ctrl-C stops everything."


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`evergreen-stores`, installed with all that it requires."""
    folder = tmp_path_factory.mktemp("wheel")
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [environment / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", build_wheel(folder)]
    installed = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr
    return environment / "bin" / "evergreen-stores"


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A directory and addresses on which nothing runs; what a test leaves there is ended."""
    with temporary.free("127.29", lifecycle.EVERYTHING, run=tmp_path / "run") as layout:
        yield layout
        if supervision.pid(layout) is not None or orphans.alive(layout):
            supervision.stop(layout)


def variables(layout: Layout) -> Mapping[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(layout.run.parent),
        "EVERGREEN_RUN": str(layout.run),
        "EVERGREEN_NETWORK": layout.settings.network,
        "EVERGREEN_PORT": str(layout.settings.port),
    }


@pytest.mark.prove
def test_the_installed_command_serves_a_shop_until_it_is_interrupted(program: Path, layout: Layout):
    running = subprocess.Popen(
        [program, "run"],
        cwd=layout.run.parent,
        env=variables(layout),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with running:
        shown = []
        for line in running.stdout or ():
            shown.append(line)
            if READY in line:
                break
        assert READY in shown[-1], "".join(shown)
        assert "evergreen-stores stack kill redis-1" in "".join(shown)
        with urllib.request.urlopen(f"{layout.url}/api/v1/products/") as answer:
            assert answer.status == 200
        tour = subprocess.run(
            [program, "tour", "--yes"], env=variables(layout), capture_output=True, text=True, check=False
        )
        assert "Idempotent-Replayed: true" in tour.stdout, tour.stderr
        running.send_signal(signal.SIGINT)
        rest = running.communicate(timeout=60)[0]
    assert running.returncode == 0, rest
    assert "Stopped. The data is saved." in rest
