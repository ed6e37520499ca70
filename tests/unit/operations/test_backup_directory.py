import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from operations.backup.directory import BackupDirectory, DirectoryLocked
from operations.backup.manifest import SCHEMA, Manifest
from operations.backup.targets import NoBackup

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def taken(hours: int) -> Manifest:
    return Manifest(
        schema=SCHEMA,
        store="evergreen",
        instant=START + timedelta(hours=hours),
        source="10.0.0.2:6379",
        revision=1,
        counts={},
        size=0,
        sha256="",
    )


@pytest.fixture
def backups(tmp_path):
    return BackupDirectory(tmp_path / "backups", "evergreen")


def test_a_backup_is_named_by_store_and_instant_and_is_for_its_owner_only(backups, tmp_path):
    path = Path(backups.add(taken(0), lambda stream: stream.write(b"all of it")).location)
    assert path == tmp_path / "backups" / "evergreen-20260102T030405Z.tar"
    assert path.read_bytes() == b"all of it"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_half_a_backup_is_never_there(backups, tmp_path):
    def fail(stream) -> None:
        stream.write(b"half of")
        assert backups.backups() == []
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        backups.add(taken(0), fail)
    assert list((tmp_path / "backups").iterdir()) == []


def test_what_a_dead_writer_left_is_cleared_by_the_next(backups, tmp_path):
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / ".evergreen-20260101T000000Z.tar.draft").write_bytes(b"half of")
    path = backups.add(taken(0), lambda stream: None).location
    assert list((tmp_path / "backups").iterdir()) == [Path(path)]


def test_two_do_not_write_into_one_directory_at_once(backups):
    def write_another(stream) -> None:
        with pytest.raises(DirectoryLocked):
            backups.add(taken(1), lambda stream: None)

    backups.add(taken(0), write_another)
    assert len(backups.backups()) == 1


def test_the_newest_are_kept_and_nothing_else_is_touched(backups, tmp_path):
    added = [backups.add(taken(hours), lambda stream: None) for hours in (3, 1, 2, 0)]
    others = [tmp_path / "backups" / name for name in ("notes.tar", "evergreen-old.tar", "other-20200101T000000Z.tar")]
    for other in others:
        other.touch()
    assert backups.keep(2) == [added[1], added[3]]
    assert backups.backups() == [added[0], added[2]]
    assert all(other.exists() for other in others)


def test_newest_stands_for_the_newest_one(backups):
    with pytest.raises(NoBackup):
        backups.open("newest")
    for hours in (3, 1, 2):
        backups.add(
            taken(hours), lambda stream, hours=hours: stream.write(bytes([hours])), ".age" if hours == 3 else ""
        )
    with backups.open("newest") as stream:
        assert stream.read() == bytes([3])
