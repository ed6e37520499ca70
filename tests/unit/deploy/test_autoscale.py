"""deploy/autoscale without an engine: what it carries out, what it reports, how it ends. What decides is a script here,
and so is what scales."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from configuration import ROOT
from tests.stack_fixtures import wait_until

#: Writes the numbers that it is given, each after what was reported of the one before, and all reports to a file.
DECIDES = """#!/usr/bin/env bash
heard=$1 && shift
trap 'echo ended by TERM >>"$heard"' TERM
read -r line && echo "$line" >>"$heard"
for number in "$@"; do
  [ "$number" != --dry-run ] || continue
  echo "$number"
  while read -r line && [ "${line%% *}" = present ]; do :; done
  echo "$line" >>"$heard"
done
while read -r line; do :; done
echo "end of input" >>"$heard"
"""
#: Scales to any number but 5, and needs a moment for 4.
SCALES = """#!/usr/bin/env bash
number=$(dirname "$0")/number
[ "$1" = api ] || exit 2
[ $# -gt 1 ] || { cat "$number" && exit; }
[ "$2" != 5 ] || exit 1
[ "$2" != 4 ] || { touch "$(dirname "$0")/began" && sleep 1; }
echo "$2" >"$number"
"""


class Autoscaler:
    """Runs deploy/autoscale with settings of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.heard = directory, directory / "heard"
        self.processes: list[subprocess.Popen[str]] = []
        directory.joinpath("settings.env").write_text(f"EVERGREEN_LOCAL={directory}/local\n")
        directory.joinpath("number").write_text("2\n")
        for name, text in {"decides": DECIDES, "scales": SCALES}.items():
            directory.joinpath(name).write_text(text)
            directory.joinpath(name).chmod(0o755)

    def start(self, *numbers: int, engine: str = "decides") -> subprocess.Popen[str]:
        words = " ".join(map(str, (self.directory / engine, self.heard, *numbers)))
        process = subprocess.Popen(
            [ROOT / "deploy" / "autoscale", "--scale", self.directory / "scales", "--engine", words],
            env={**os.environ, "EVERGREEN_ENV_FILE": str(self.directory / "settings.env")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    @property
    def reports(self) -> list[str]:
        return self.heard.read_text().splitlines() if self.heard.exists() else []

    @property
    def number(self) -> str:
        return (self.directory / "number").read_text().strip()

    @property
    def targets(self) -> list[dict[str, object]]:
        return json.loads((self.directory / "local" / "targets" / "autoscale.json").read_text())


@pytest.fixture
def autoscaler(tmp_path: Path) -> Iterator[Autoscaler]:
    found = Autoscaler(tmp_path)
    yield found
    for process in found.processes:
        process.kill()
        process.communicate()


def test_numbers_are_carried_out_and_reported_and_a_failure_ends_nothing(autoscaler: Autoscaler):
    autoscaler.start(3, 5, 6)
    wait_until(lambda: len(autoscaler.reports) == 4)
    assert autoscaler.reports == ["present 2", "done 3", "failed 3", "done 6"]
    assert autoscaler.number == "6"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_after_the_step_that_was_begun(autoscaler: Autoscaler, number: int):
    process = autoscaler.start(4)
    wait_until((autoscaler.directory / "began").exists)
    assert autoscaler.targets[0]["labels"] == {"instance": "autoscale"}
    # As a terminal does with Ctrl-C: to the whole group.
    os.killpg(process.pid, number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "There are 4 API instances." in output
    assert autoscaler.number == "4"
    assert autoscaler.reports[-1] == "end of input"
    assert autoscaler.targets == []


def test_two_of_them_are_refused(autoscaler: Autoscaler):
    autoscaler.start(3)
    wait_until(lambda: autoscaler.number == "3")
    second = autoscaler.start(6)
    assert "Autoscaling runs already" in second.communicate(timeout=30)[0]
    assert second.returncode == 1
    assert autoscaler.number == "3"
    assert autoscaler.targets != []


def test_in_a_swarm_the_targets_stay_as_they_are(autoscaler: Autoscaler):
    with autoscaler.directory.joinpath("settings.env").open("a") as settings:
        settings.write("EVERGREEN_SWARM=on\n")
    process = autoscaler.start(3)
    wait_until(lambda: autoscaler.number == "3")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert not (autoscaler.directory / "local" / "targets").exists()


def test_settings_that_cannot_be_used_end_it_at_once(autoscaler: Autoscaler):
    autoscaler.directory.joinpath("fails").write_text("#!/bin/sh\necho EVERGREEN_AUTOSCALE_MIN is 0 >&2\nexit 3\n")
    autoscaler.directory.joinpath("fails").chmod(0o755)
    process = autoscaler.start(engine="fails")
    assert "EVERGREEN_AUTOSCALE_MIN is 0" in process.communicate(timeout=30)[0]
    assert process.returncode == 3


#: Answers the calls of a manager of a swarm whose service `api` has as many instances as the file `replicas` has.
DOCKER = """#!/usr/bin/env bash
here=$(dirname "$0")
echo "$*" >>"$here/calls"
case "$1 ${2:-}" in
  "info "*) echo true ;;
  "service inspect") cat "$here/replicas" ;;
  "service scale") echo "${4#*=}" >"$here/replicas" ;;
  "service ps") for _ in $(seq "$(cat "$here/replicas")"); do echo "Running 2 seconds ago"; done ;;
  "compose "*) "$here/../decides" "$here/../heard" 5 ;;
esac
"""


def test_in_a_swarm_the_number_goes_to_the_service_and_what_decides_runs_by_the_commands(autoscaler: Autoscaler):
    bin_directory, local = autoscaler.directory / "bin", autoscaler.directory / "local"
    bin_directory.mkdir()
    local.mkdir()
    bin_directory.joinpath("docker").write_text(DOCKER)
    bin_directory.joinpath("docker").chmod(0o755)
    bin_directory.joinpath("replicas").write_text("3\n")
    local.joinpath("commands.json").write_text('{"services": {"autoscale": {}}}')
    process = subprocess.Popen(
        [ROOT / "deploy" / "swarm" / "autoscale"],
        env={
            **os.environ,
            "PATH": f"{bin_directory}:{os.environ['PATH']}",
            "EVERGREEN_ENV_FILE": str(autoscaler.directory / "settings.env"),
        },
        start_new_session=True,
    )
    autoscaler.processes.append(process)
    wait_until(lambda: len(autoscaler.reports) == 2)
    assert autoscaler.reports == ["present 3", "done 5"]
    assert bin_directory.joinpath("replicas").read_text() == "5\n"
    commands = f"compose --project-directory . -f {local}/commands.json run --rm -T --no-deps autoscale python -m"
    calls = bin_directory.joinpath("calls").read_text()
    assert f"{commands} operations.autoscale --listen 0.0.0.0:9202\n" in calls
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


@pytest.mark.parametrize("words", [("--fast",), ("--scale", "/nowhere/scale")])
def test_what_makes_no_sense_is_refused(autoscaler: Autoscaler, words: tuple[str, ...]):
    answer = subprocess.run(
        [ROOT / "deploy" / "autoscale", *words],
        env={**os.environ, "EVERGREEN_ENV_FILE": str(autoscaler.directory / "settings.env")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert answer.returncode == 1
    assert answer.stderr
