"""Who is told what: Alertmanager's routes, by its own tool."""

import subprocess
from pathlib import Path

import pytest
import yaml

from operations.alerting import alertmanager, read
from tests.monitoring.test_rules import ALERTS

TOLD = {"EVERGREEN_ALERT_TO": "ops@example.com", "EVERGREEN_ALERT_WATCHDOG_URL": "https://example.com/alive"}


def receiver(amtool: str, path: Path, alert: str) -> str:
    """Where this alert goes."""
    labels = [f"{name}={value}" for name, value in {"alertname": alert, **ALERTS[alert]["labels"]}.items()]
    command = [amtool, "config", "routes", "test", f"--config.file={path}", *labels]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def written(directory: Path, environ: dict[str, str]) -> Path:
    path = directory / "alertmanager.yml"
    path.write_text(alertmanager(read(environ)))
    return path


@pytest.mark.parametrize("alert", sorted(set(ALERTS) - {"Watchdog"}))
def test_every_alert_is_mailed(amtool, tmp_path, alert):
    assert receiver(amtool, written(tmp_path, TOLD), alert) == "mail"


def test_the_watchdog_calls_who_expects_it_and_mails_nobody(amtool, tmp_path):
    assert receiver(amtool, written(tmp_path, TOLD), "Watchdog") == "watchdog"


@pytest.mark.parametrize("alert", ["Watchdog", "StoreDown", "FailoverHappened"])
def test_without_an_address_nobody_is_told(amtool, tmp_path, alert):
    assert receiver(amtool, written(tmp_path, {}), alert) == "nobody"


def test_what_is_urgent_is_told_sooner_and_oftener():
    routes = yaml.safe_load(alertmanager(read(TOLD)))["route"]["routes"]
    urgent, less = (next(r for r in routes if f"severity = {s}" in r["matchers"]) for s in ("critical", "warning"))
    assert (urgent["group_wait"], less["group_wait"]) == ("10s", "1m")
    assert (urgent["repeat_interval"], less["repeat_interval"]) == ("1h", "12h")


def test_inhibition_names_alerts_that_there_are():
    rules = yaml.safe_load(alertmanager(read(TOLD)))["inhibit_rules"]
    matchers = [m for rule in rules for kind in ("source_matchers", "target_matchers") for m in rule[kind]]
    named = [name for m in matchers for name in m.split("=", 1)[1].strip('~ "').split("|")]
    assert [name for name in named if not any(alert.startswith(name.removesuffix(".*")) for alert in ALERTS)] == []


@pytest.mark.parametrize(
    ("cause", "consequences"),
    [
        ("StoreDown", {"NoPrimary", "ReplicaMissing", "ErrorBudgetBurnFast"}),
        ("NoPrimary", {"ReplicationLinkDown", "FailoverHappened"}),
        ("AllInstancesDown", {"InstanceDown", "NginxUpstreamErrors", "NoTraffic"}),
    ],
)
def test_what_follows_from_a_fault_is_not_told_beside_it(cause, consequences):
    rules = yaml.safe_load(alertmanager(read(TOLD)))["inhibit_rules"]
    silenced = " ".join(
        m for r in rules if f"alertname = {cause}" in r["source_matchers"] for m in r["target_matchers"]
    )
    assert {name for name in consequences if name.removesuffix("Fast") not in silenced} == set()
