"""What the two test commands run, and what they do where the machine lacks something."""

import io
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from chaos.faults import FAULTS
from configuration import ROOT
from tests import __main__ as runner
from tests import capabilities, report
from tests.phases import CORES, LIMITS_S, PROVE, SUITES, TEST, Phase, planned_s, rotated
from tests.runs import Result, run_alone, slowness
from tests.system.fault_rows import GROUPS

TESTS = ROOT / "tests"


def words(phases):
    return {word for phase in phases for command in phase.commands for word in command}


def test_every_directory_of_tests_is_in_a_phase():
    directories = {f"tests/{path.relative_to(TESTS).parts[0]}" for path in TESTS.rglob("test_*.py")}
    assert directories - words([*TEST, *PROVE]) == set()


def test_every_module_with_long_tests_is_in_a_phase_of_make_prove():
    modules = (path for path in (TESTS / "system").glob("test_*.py") if "mark.prove" in path.read_text())
    assert {str(path.relative_to(ROOT)) for path in modules} - words(PROVE) == set()


def test_make_test_takes_eighteen_minutes_and_make_prove_fifty():
    assert 17 * 60 < planned_s(TEST) <= 18 * 60
    assert 49 * 60 < planned_s(PROVE) <= 50 * 60


def test_both_suites_have_time_on_a_slower_machine():
    assert all(
        1.5 * planned_s(SUITES[suite]) <= limit_s <= 2.5 * planned_s(SUITES[suite])
        for suite, limit_s in LIMITS_S.items()
    )


def test_every_row_of_the_fault_table_is_in_one_group_with_a_module_in_the_phase():
    assert sorted(fault.name for rows in GROUPS.values() for fault in rows) == sorted(FAULTS)
    modules = [TESTS.parent / word for word in words(PROVE) if word.startswith("tests/system/test_fault_table")]
    assert sorted(group for group in GROUPS for path in modules if f'"{group}"' in path.read_text()) == sorted(GROUPS)


def test_failed_tests_of_real_servers_are_tried_alone_once_more():
    assert {phase.name for phase in (*TEST, *PROVE) if not phase.second_try} == {"static", "unit"}
    for phase in (*TEST, *PROVE):
        if phase.second_try:
            # The last number of workers counts, and with none nothing is distributed.
            assert phase.second_try[len(phase.commands[0]) :][:2] == ["-n", "0"]
            assert set(phase.second_try) & set(words([phase])) >= {word for word in words([phase]) if "tests/" in word}


def test_every_need_of_a_phase_is_a_capability():
    needs = {need for phases in SUITES.values() for phase in phases for need in phase.needs}
    assert needs == set(capabilities.CAPABILITIES)


@pytest.fixture
def lacking(monkeypatch):
    """A machine that lacks a browser."""
    monkeypatch.setattr(capabilities, "missing", lambda name: ("chromium",) if name == "chromium" else ())


@pytest.mark.usefixtures("lacking")
@pytest.mark.parametrize(("ci", "outcome"), [("", "Skipped"), ("false", "Skipped"), ("true", "Failed")])
def test_a_missing_capability_leaves_its_tests_out_and_fails_them_in_ci(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(BaseException, match="chromium missing: apt install chromium") as raised:
        capabilities.require("chromium")
    assert type(raised.value).__name__ == outcome


@pytest.mark.usefixtures("lacking")
def test_only_what_a_phase_needs_is_missed():
    assert [each.name for each in capabilities.lacking(("chromium", "root"))] == ["chromium"]
    capabilities.require("root")
    assert list(capabilities.lacking(("root",))) == []


def result(**changes):
    phase = next(phase for phase in TEST if phase.name == "integration")
    return replace(Result(phase=phase, is_good=False, seconds=1, cpu_s=1, passed=9, failed=1, faults=1), **changes)


@pytest.fixture
def second_run(monkeypatch):
    """The second try, which passes."""
    runs = []

    def run(phase, commands, end):
        runs.append(commands)
        return result(is_good=True, passed=1, failed=0)

    monkeypatch.setattr(runner, "run_alone", run)
    return runs


def tried_again(first):
    return runner._tried_again(first, time.monotonic() + 60, Console(quiet=True))


def test_what_passes_alone_is_counted_as_a_second_try(second_run):
    second = tried_again(result())
    assert (second.is_good, second.passed, second.second_try, second.failed) == (True, 10, 1, 0)


@pytest.mark.parametrize(
    "first", [{"messages": ["violations: lost: purchase 1"]}, {"faults": 6}, {"is_good": True}, {"faults": 0}], ids=str
)
def test_a_lost_write_and_a_failure_of_many_are_not_tried_again(second_run, first):
    assert tried_again(result(**first)) == result(**first)
    assert second_run == []


def test_what_fails_alone_too_fails(monkeypatch):
    monkeypatch.setattr(runner, "run_alone", lambda *_: result())
    assert not tried_again(result()).is_good


def test_the_last_lines_name_what_failed():
    failed = result(failures=["tests.system.test_races::test_one"])
    passed = result(is_good=True, failures=["tests.system.test_races::test_two"])
    assert report.failures([failed, passed]) == "failed in integration: tests.system.test_races::test_one\n"


def test_a_failed_program_is_named_by_its_first_words():
    phase = replace(TEST[0], commands=[["true"], [sys.executable, "-c", "raise SystemExit(1)"]])
    first = run_alone(phase, phase.commands, time.monotonic() + 60)
    assert (first.is_good, first.failures) == (False, [f"{Path(sys.executable).name} -c raise SystemExit(1)"])


BROKEN = """
import pytest

@pytest.fixture(scope="module")
def server():
    raise RuntimeError

@pytest.mark.parametrize("number", range(9))
def test_with(server, number): ...

def test_without(): assert False
"""


def test_a_fixture_that_fails_is_one_fault_whatever_it_fails(tmp_path):
    (tmp_path / "test_broken.py").write_text(BROKEN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:django", "--rootdir", str(tmp_path), str(tmp_path)]
    first = run_alone(replace(TEST[1], commands=[command]), [command], time.monotonic() + 60)
    assert (first.failed, first.faults, len(first.failures)) == (10, 2, 11)


def test_phases_that_keep_one_core_busy_take_the_time_of_the_longer():
    whole, long, short = (phase_of("pass", about_s=about_s, cores=cores) for about_s, cores in ((9, 2), (7, 1), (2, 1)))
    assert [planned_s(phases) for phases in ([], [whole], [long, short], [whole, long, short, short, whole])] == [
        0,
        9,
        7,
        9 + 7 + 9,
    ]


def phase_of(program, *, name="some", about_s=1, cores=1):
    """A phase that runs this program in Python."""
    return Phase(name=name, what="", about_s=about_s, cores=cores, commands=[[sys.executable, "-c", program]])


def ran(phases, limit_s=60, is_boxed=False):
    """The results of these phases, and what was printed meanwhile."""
    output, results = io.StringIO(), []
    runner._run_all(phases, time.monotonic() + limit_s, Console(file=output, width=80), results, is_boxed=is_boxed)
    return results, output.getvalue()


#: Ends once both of two such programs run; fails after 30 s.
MEET = """
import pathlib, sys, time
mine, other = map(pathlib.Path, {files})
mine.touch()
end = time.monotonic() + 30
while not other.exists():
    assert time.monotonic() < end
    time.sleep(0.02)
print("met")
"""
#: Fails where another such program runs.
ALONE = """
import pathlib, time
directory = pathlib.Path({directory!r})
directory.mkdir()
time.sleep(0.5)
directory.rmdir()
"""


def test_two_phases_that_keep_one_core_busy_run_side_by_side_and_print_one_after_the_other(tmp_path):
    files = [str(tmp_path / name) for name in ("first", "second")]
    phases = [phase_of(MEET.format(files=order), name="meeting") for order in (files, files[::-1])]
    results, printed = ran(phases)
    assert [result.is_good for result in results] == [True, True], printed
    assert printed.split("meeting has ended")[1].count("met") == printed.split("meeting has ended")[2].count("met") == 1


def test_a_phase_that_keeps_all_cores_busy_runs_alone(tmp_path):
    program = ALONE.format(directory=str(tmp_path / "running"))
    results, printed = ran([phase_of(program, cores=cores) for cores in (1, 2, 2, 1)])
    assert [result.is_good for result in results] == [True] * 4, printed


def test_the_cpu_of_a_phase_is_its_own():
    idle, busy = phase_of("import time; time.sleep(1)", name="idle"), phase_of("sum(range(20_000_000))", name="busy")
    results, _ = ran([idle, busy])
    cpu_s = {result.phase.name: result.cpu_s for result in results}
    assert cpu_s["busy"] > cpu_s["idle"] > 0


def test_a_phase_that_takes_too_long_is_ended_and_fails():
    results, printed = ran([phase_of("import time; time.sleep(60)")], limit_s=1)
    assert [(result.is_good, result.seconds < 30) for result in results] == [(False, True)]
    assert "some took too long, and is ended" in printed


def test_a_phase_that_would_not_end_in_time_is_left_out_and_named():
    phases = [phase_of("pass", name=name, about_s=about_s) for name, about_s in (("long", 500), ("short", 5))]
    results, _ = ran(phases, limit_s=60, is_boxed=True)
    assert [result.phase.name for result in results] == ["short"]
    assert report.left_out(phases, results) == "Left out, for want of time: long\n"
    assert report.left_out(phases[1:], results) == ""


def test_how_slow_the_machine_was_counts_for_the_phases_that_follow():
    slow = phase_of("import time; time.sleep(2)", name="slow", about_s=1, cores=2)
    assert slowness([]) == 1
    results, _ = ran([slow, phase_of("pass", name="next", about_s=30)], limit_s=40, is_boxed=True)
    assert slowness(results) >= 2
    assert [result.phase.name for result in results] == ["slow"]


def test_phases_on_containers_come_first_and_each_number_goes_on_with_another_one():
    contained = {phase.name for phase in PROVE if "docker" in phase.needs}
    orders = [[phase.name for phase in rotated(PROVE, number)] for number in range(len(PROVE))]
    assert all(set(order[: len(contained)]) == contained for order in orders)
    nexts, lasts = ({order[number] for order in orders} for number in (len(contained), -1))
    assert nexts == {phase.name for phase in PROVE if phase.cores == CORES} - contained
    assert lasts == {phase.name for phase in PROVE if phase.cores < CORES}
    assert all(sorted(order) == sorted(phase.name for phase in PROVE) for order in orders)
    assert rotated([], 3) == []


#: Tests of which the first ends at once, and the last one later than any test waits.
ENDLESS = """
import time

def test_first(): assert {outcome}

def test_last(): time.sleep(60)
"""


@pytest.mark.parametrize("outcome", [True, False])
def test_tests_whose_time_is_over_are_unfinished_and_fail_only_where_one_of_them_has_failed(tmp_path, outcome):
    (tmp_path / "test_endless.py").write_text(ENDLESS.format(outcome=outcome))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:django", "--rootdir", str(tmp_path), str(tmp_path)]
    phase = replace(phase_of("", name="endless"), commands=[command])
    (first,), printed = ran([phase], limit_s=8, is_boxed=True)
    assert (first.is_unfinished, first.is_good, first.passed, first.failed) == (True, outcome, outcome, not outcome)
    assert "endless has no time left, and is ended" in printed
    assert report.left_out([phase], [first]) == f"Not finished, for want of time: endless ({outcome:d} passed)\n"


def test_a_program_whose_time_is_over_fails_where_it_is_no_run_of_tests():
    (first,), _ = ran([phase_of("import time; time.sleep(60)")], limit_s=2, is_boxed=True)
    assert (first.is_good, first.is_unfinished) == (False, False)
