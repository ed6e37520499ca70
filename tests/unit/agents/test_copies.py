import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents import copies
from agents.copies import MAX_COPIES, Kind, copy_files, find_copies, is_copy, new_copy

NOW = datetime(2026, 11, 28, 18, 14, 50, tzinfo=UTC)


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A node's directory, with a file of its data."""
    (tmp_path / "appendonlydir").mkdir()
    (tmp_path / "appendonlydir" / "data").write_text("first")
    return tmp_path


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is logged."""
    found: list[str] = []
    monkeypatch.setattr(copies, "log", lambda event, level: found.append(event))
    return found


def refuse_for_want_of_room(source: str, target: str) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_copy_stays_as_it_was_when_the_files_are_replaced(node):
    copy = copy_files(node, NOW)
    (node / "appendonlydir" / "data").unlink()
    (node / "appendonlydir" / "data").write_text("second")
    assert (copy / "appendonlydir" / "data").read_text() == "first"


def test_a_copy_takes_no_room_while_the_files_are_there(node):
    copy = copy_files(node, NOW)
    assert (copy / "appendonlydir" / "data").samefile(node / "appendonlydir" / "data")


def test_where_a_file_system_has_no_links_the_files_are_copied(node, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    assert (copy_files(node, NOW) / "appendonlydir" / "data").read_text() == "first"


def test_a_copy_that_fails_leaves_nothing_behind(node, monkeypatch):
    monkeypatch.setattr(copies, "link", refuse_for_want_of_room)
    with pytest.raises(OSError, match="No space"):
        copy_files(node, NOW)
    assert find_copies(node, Kind.REPLACED) == []


def test_the_newest_few_copies_stay_and_each_that_goes_is_named_in_the_log(node, events):
    made = [copy_files(node, NOW + timedelta(seconds=number)) for number in range(MAX_COPIES + 2)]
    assert find_copies(node, Kind.REPLACED) == made[2:]
    assert [event.partition(" ")[0] for event in events] == [str(path) for path in made[:2]]


def test_a_copy_that_fails_again_and_again_evicts_no_earlier_one(node, monkeypatch):
    made = [copy_files(node, NOW + timedelta(seconds=number)) for number in range(MAX_COPIES)]
    monkeypatch.setattr(copies, "link", refuse_for_want_of_room)
    for number in range(MAX_COPIES):
        with pytest.raises(OSError, match="No space"):
            copy_files(node, NOW + timedelta(minutes=1 + number))
    assert find_copies(node, Kind.REPLACED) == made


def test_a_new_copy_stays_where_the_clock_was_set_back(node, events):
    made = [copy_files(node, NOW - timedelta(seconds=number)) for number in range(MAX_COPIES + 1)]
    assert made[-1] in find_copies(node, Kind.REPLACED)
    assert len(find_copies(node, Kind.REPLACED)) == MAX_COPIES


def test_copies_of_the_other_kind_are_not_counted(node, events):
    with new_copy(node, Kind.TORN, NOW) as torn:
        pass
    for number in range(MAX_COPIES + 1):
        copy_files(node, NOW + timedelta(seconds=number))
    assert find_copies(node, Kind.TORN) == [torn]
    assert is_copy(torn)
    assert not is_copy(node / "appendonlydir")
