"""When backups are made, and what the metrics have of them."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from operations.backup import schedule
from operations.backup.durations import parse_duration
from operations.backup.targets import StoredBackup, TargetUnusable, instant_of
from operations.backup.telemetry import BackupMetrics, ScheduleMetrics, is_young, look_on
from tests.stack_fixtures import wait_until

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BACKUP = StoredBackup(location="s3://b/evergreen-20260102T030405Z.tar", name="x.tar", instant=NOW, size=10)


class Ended(Exception):
    """The last turn was made."""


@pytest.fixture
def pauses(monkeypatch):
    """The pauses between turns; none is waited for."""
    waited: list[float] = []
    monkeypatch.setattr("operations.backup.schedule.time.monotonic", lambda: sum(waited))
    monkeypatch.setattr("operations.backup.schedule.time.sleep", waited.append)
    return waited


def turns(*outcomes):
    """Makes what these say, one after the other."""
    rest = iter(outcomes)

    def make() -> StoredBackup:
        outcome = next(rest, Ended())
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return make


def test_a_turn_that_failed_is_repeated_sooner_and_reported(pauses):
    registry, reported = CollectorRegistry(), []
    metrics = ScheduleMetrics(registry, 60)
    failure = TargetUnusable("the store is full")
    with pytest.raises(Ended):
        schedule.go_on(turns(BACKUP, failure, failure, BACKUP), 86400.0, metrics, reported.append, (TargetUnusable,))
    assert pauses == [86400.0, 300.0, 300.0, 86400.0]
    assert reported == [failure, failure]
    assert registry.get_sample_value("evergreen_backup_turns_total", {"outcome": "made"}) == 2
    assert registry.get_sample_value("evergreen_backup_turns_total", {"outcome": "failed"}) == 2
    assert registry.get_sample_value("evergreen_backup_failed") == 0


def test_a_short_schedule_is_not_slowed_down_by_a_failure(pauses):
    with pytest.raises(Ended):
        schedule.go_on(turns(TargetUnusable(""), BACKUP), 60.0, None, lambda error: None, (TargetUnusable,))
    assert pauses == [60.0, 60.0]


def test_the_exporter_sees_what_another_process_makes_and_what_it_saw_last_grows_old():
    registry, answers = CollectorRegistry(), [[BACKUP]]
    looks: list[int] = []

    class Target:
        def backups(self) -> list[StoredBackup]:
            looks.append(1)
            if not answers:
                raise TargetUnusable("it does not answer")
            return answers.pop()

    look_on(Target, BackupMetrics(registry, 93_600), interval_s=0.01)
    wait_until(lambda: len(looks) >= 3)
    assert registry.get_sample_value("evergreen_backup_newest_timestamp_seconds") == NOW.timestamp()
    assert registry.get_sample_value("evergreen_backups") == 1
    assert registry.get_sample_value("evergreen_backup_max_age_seconds") == 93_600


@pytest.mark.parametrize(("hours", "is_so"), [(25, True), (26, True), (27, False)])
def test_the_newest_is_young_up_to_the_age(hours, is_so):
    assert is_young([BACKUP], 26 * 3600, NOW + timedelta(hours=hours)) is is_so
    assert not is_young([], 26 * 3600, NOW)


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("26h", 93_600), ("2d", 172_800)])
def test_durations_are_read(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0h", "5", "h", "1w", "-1h", "1.5h", "1234567h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="as in 6h"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("evergreen-20260102T030405Z.tar", True),
        ("evergreen-20260102T030405Z.tar.age", True),
        ("evergreen-20261302T030405Z.tar", False),
        ("evergreen-20260102T030405Z.tar.gz", False),
        ("evergreen-2-20260102T030405Z.tar", False),
        ("deeper/evergreen-20260102T030405Z.tar", False),
    ],
)
def test_the_names_of_backups_are_known(name, is_one):
    assert (instant_of(name, "evergreen") == NOW) is is_one
