"""What the two test commands run, and what they do where the machine lacks something."""

import pytest

from configuration import ROOT
from tests import capabilities
from tests.phases import LIMITS_S, PROVE, SUITES, TEST

TESTS = ROOT / "tests"


def words(phases):
    return {word for phase in phases for command in phase.commands for word in command}


def test_every_directory_of_tests_is_in_a_phase():
    directories = {f"tests/{path.relative_to(TESTS).parts[0]}" for path in TESTS.rglob("test_*.py")}
    assert directories - words([*TEST, *PROVE]) == set()


def test_every_module_with_long_tests_is_in_a_phase_of_make_prove():
    modules = (path for path in (TESTS / "system").glob("test_*.py") if "mark.prove" in path.read_text())
    assert {str(path.relative_to(ROOT)) for path in modules} - words(PROVE) == set()


def test_make_test_takes_eight_minutes_and_make_prove_twenty_five():
    assert sum(phase.about_s for phase in TEST) <= 8 * 60
    assert sum(phase.about_s for phase in PROVE) <= 25 * 60


def test_both_suites_end_well_within_an_hour():
    assert sum(LIMITS_S.values()) < 55 * 60


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
