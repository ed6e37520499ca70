"""deploy/nginx/serve where instances are known by a name: it follows what the name means, and reloads nginx.

The resolver and nginx are small programs in front of the path; the script is the real one.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from configuration import ROOT
from tests.unit.deploy.test_serve import DEFAULTS

MAX_INSTANCES = 64
#: The script looks every second, on a machine that may do much else.
TIMEOUT_S = 60
#: Answers as getent does: each address once for every type of socket.
GETENT = """#!/bin/sh
[ "$1 $2" = "ahostsv4 api" ] || exit 9
[ -s "{directory}/addresses" ] || exit 2
while read -r address; do
  for type in STREAM DGRAM RAW; do echo "$address $type api"; done
done <"{directory}/addresses"
"""
#: Counts the signals that nginx reloads by, and ends by the one that it ends by.
NGINX = """#!/bin/sh
trap 'echo reload >>"{directory}/reloads"' HUP
trap 'exit 0' TERM
cp "{directory}/instances.conf" "{directory}/first-instances.conf"
echo $$ >"{directory}/nginx.pid"
while :; do sleep 0.05; done
"""


def until(condition: Callable[[], bool], timeout_s: float, failure: str) -> None:
    """Returns as soon as the condition holds; TimeoutError after this long."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(failure)
        time.sleep(0.05)


class Served:
    """The script in a directory of its own, and the answers of its resolver."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.processes: list[subprocess.Popen[bytes]] = []
        programs = directory / "programs"
        programs.mkdir()
        for name, text in (("getent", GETENT), ("nginx", NGINX)):
            (programs / name).write_text(text.format(directory=directory))
            (programs / name).chmod(0o755)
        self.environment = DEFAULTS | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "EVERGREEN_HOSTS": "localhost",
            "EVERGREEN_TRUSTED_PROXIES": "",
            "EVERGREEN_NGINX_DIRECTORY": str(directory),
            "EVERGREEN_NGINX_INSTANCES": str(directory / "instances.conf"),
            "EVERGREEN_INSTANCES_NAME": "api",
        }

    def resolve_to(self, *addresses: str) -> None:
        draft = self.directory / "addresses.new"
        draft.write_text("".join(f"{each}\n" for each in addresses))
        draft.rename(self.directory / "addresses")

    def start(self) -> subprocess.Popen[bytes]:
        script = ROOT / "deploy" / "nginx" / "serve"
        process = subprocess.Popen(["sh", script], env=self.environment, start_new_session=True)
        self.processes.append(process)
        until((self.directory / "nginx.pid").exists, TIMEOUT_S, "nginx has not started")
        return process

    def instances(self, name: str = "instances.conf") -> list[str]:
        """The servers of the file, without those that are backups."""
        lines = (self.directory / name).read_text().splitlines()
        return [line.split()[1].rstrip(";") for line in lines if "backup" not in line]

    def reloads(self) -> int:
        path = self.directory / "reloads"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    for process in made.processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def test_nginx_starts_with_the_addresses_of_the_name_in_the_form_that_compose_writes(served: Served):
    served.resolve_to("10.0.1.5", "10.0.1.4")
    served.start()
    assert (served.directory / "first-instances.conf").read_text() == "".join(
        f"server {address}:8000 max_fails=3 fail_timeout=5s;\nserver {address}:8000 max_fails=0 backup;\n"
        for address in ("10.0.1.4", "10.0.1.5")
    )


def test_nginx_is_reloaded_once_for_each_change_and_not_without_one(served: Served):
    served.resolve_to("10.0.1.4")
    served.start()
    served.resolve_to("10.0.1.5", "10.0.1.4")
    until(lambda: served.reloads() == 1, TIMEOUT_S, "not reloaded")
    for name in ("instances.conf", "read-instances.conf", "write-instances.conf", "overflow-instances.conf"):
        assert served.instances(name) == ["10.0.1.4:8000", "10.0.1.5:8000"]
    served.resolve_to("10.0.1.4", "10.0.1.5")
    time.sleep(2.5)
    assert served.reloads() == 1


def test_an_empty_answer_leaves_the_last_list(served: Served):
    served.resolve_to("10.0.1.4")
    served.start()
    served.resolve_to()
    time.sleep(2.5)
    assert served.reloads() == 0
    assert served.instances() == ["10.0.1.4:8000"]


def test_nginx_starts_without_an_instance_and_takes_the_first_one_that_comes(served: Served):
    served.start()
    assert served.instances("first-instances.conf") == ["127.0.0.1:1"]
    served.resolve_to("10.0.1.4")
    until(lambda: served.instances() == ["10.0.1.4:8000"] and served.reloads() == 1, TIMEOUT_S, "no instance was taken")


def test_no_more_than_64_addresses_are_taken(served: Served):
    served.resolve_to(*(f"10.0.{third}.{last}" for third in (1, 2) for last in range(1, 41)))
    served.start()
    assert len(served.instances()) == MAX_INSTANCES


def test_nginx_has_the_process_of_the_script_and_the_loop_ends_with_it(served: Served):
    served.resolve_to("10.0.1.4")
    process = served.start()
    assert int((served.directory / "nginx.pid").read_text()) == process.pid
    process.terminate()
    assert process.wait(10) == 0
    until(lambda: not _members(process.pid), TIMEOUT_S, "the loop goes on without nginx")


def _members(group: int) -> list[str]:
    """The processes of this process group."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,pgid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[1] == str(group)]
