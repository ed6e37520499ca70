"""Rules: each alert is tested both ways, told in full, explained, and understood by a Prometheus that runs."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.sources import ROOT

FOLDER = ROOT / "monitoring" / "prometheus"
RULES = sorted((FOLDER / "rules").glob("*.yml"))
TESTS = sorted((FOLDER / "tests").glob("*.yml"))
SEVERITIES = {"critical", "warning"}
ALWAYS_FIRING = "Watchdog"


def every_alert() -> dict[str, dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


ALERTS = every_alert()
every = pytest.mark.parametrize("name", ALERTS)


def cases() -> dict[str, list[bool]]:
    """For each alert of the rule tests, whether it was to fire, test by test."""
    found: dict[str, list[bool]] = {}
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test["alert_rule_test"]:
                found.setdefault(case["alertname"], []).append(bool(case["exp_alerts"]))
    return found


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_are_silent_when_they_should_be(promtool, path):
    result = subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@every
def test_an_alert_is_tested_both_ways(name):
    assert set(cases()[name]) == ({True} if name == ALWAYS_FIRING else {True, False})


def test_nothing_is_tested_that_is_no_alert():
    assert set(cases()) <= set(ALERTS)


@every
def test_an_alert_says_how_urgent_it_is_and_of_what_part(name):
    labels = ALERTS[name]["labels"]
    assert labels["severity"] in SEVERITIES or name == ALWAYS_FIRING
    assert labels["part"]


@every
def test_an_alert_says_what_is_wrong_and_what_it_means(name):
    annotations = ALERTS[name]["annotations"]
    assert {"summary", "description", "runbook_url"} == set(annotations)
    assert all(text.strip().endswith((".", "runbook")) for key, text in annotations.items() if key != "runbook_url")


@every
def test_an_alert_leads_to_its_section_of_the_runbook(name):
    path, _, section = ALERTS[name]["annotations"]["runbook_url"].partition("#")
    assert section == name.lower()
    assert f"\n## {name}\n" in (ROOT / path).read_text("utf-8")


def test_the_runbook_has_no_section_but_the_alerts():
    assert set(re.findall(r"^## (\w+)$", runbook(), re.MULTILINE)) == set(ALERTS)


@every
def test_a_section_says_what_to_look_at_and_what_to_do(name):
    (section,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", runbook(), re.MULTILINE | re.DOTALL)
    assert "**Look**" in section
    assert "**Do**" in section


def test_every_rule_is_understood_by_a_prometheus_that_runs(watched):
    rules = watched.prometheus.rules()
    assert {rule["name"] for rule in rules} >= set(ALERTS)
    assert [(rule["name"], rule["lastError"]) for rule in rules if rule.get("lastError")] == []


def test_only_the_failover_is_told_after_one_and_nothing_that_did_not_happen(watched):
    # Of the machine on which this runs it may be true: of its disk, its memory, and its processor, for which Sentinels
    # wait in TILT.
    machine = {name for name, rule in ALERTS.items() if rule["labels"]["part"] == "machine"} | {"SentinelTilt"}
    assert watched.prometheus.alerts() - machine <= {ALWAYS_FIRING, "FailoverHappened"}


def runbook() -> str:
    return Path(ROOT, "docs", "runbook.md").read_text("utf-8")
