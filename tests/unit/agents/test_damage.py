import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents import damage
from agents.damage import LoadFailure

NOW = datetime(2026, 11, 28, 18, 14, 50, tzinfo=UTC)
BAD_FORMAT = "Bad file format reading the append only file appendonly.aof.2.incr.aof: make a backup"
NO_PERMISSION = "Can't open the append-only file appendonly.aof.1.incr.aof: Permission denied"


@pytest.mark.parametrize(
    ("lines", "reason", "file"),
    [
        ([BAD_FORMAT], BAD_FORMAT, "appendonly.aof.2.incr.aof"),
        (
            ["Wrong RDB checksum expected: (1)", "[offset 0] Checking RDB file appendonly.aof.2.base.rdb"],
            "Wrong RDB checksum expected: (1)",
            "appendonly.aof.2.base.rdb",
        ),
        (
            ["Unable to obtain the AOF file appendonly.aof.2.base.rdb length. stat: No such file or directory"],
            "Unable to obtain the AOF file appendonly.aof.2.base.rdb length. stat: No such file or directory",
            "appendonly.aof.2.base.rdb",
        ),
        (["", "The AOF manifest file contains too long line", ""], "The AOF manifest file contains too long line",
         "appendonlydir"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_named_with_the_server_s_reason(lines, reason, file):
    assert damage.failure(lines) == LoadFailure(reason=reason, file=file)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([NO_PERMISSION], NO_PERMISSION),
        (
            ["Can't handle RDB format version 99", "Error reading the RDB base file", "Internal error in RDB reading"],
            "Internal error in RDB reading",
        ),
        ([], "it logged nothing"),
    ],
)  # fmt: skip
def test_a_file_that_is_well_is_not_damaged_because_the_server_cannot_use_it(lines, reason):
    assert damage.failure(lines) == LoadFailure(reason=reason)


def server(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_an_examination_ends_the_server_as_soon_as_it_has_loaded(tmp_path):
    script = "import os, time; print(os.getpid(), flush=True); print('Ready to accept connections', flush=True); "
    assert damage.examine(server(f"{script}time.sleep(60)"), tmp_path) is None


def test_an_examination_returns_what_the_server_said_last(tmp_path):
    script = f"print('17:M 28 Nov 2026 18:30:58.981 # {BAD_FORMAT}')"
    found = damage.examine(server(script), tmp_path)
    assert found == LoadFailure(reason=BAD_FORMAT, file="appendonly.aof.2.incr.aof")


def test_files_are_set_aside_whole_and_leave_an_empty_directory(tmp_path):
    node = tmp_path / "redis-2"
    node.mkdir()
    (node / "redis.conf").write_text("conf")
    aside = damage.set_aside(node, NOW)
    assert aside == tmp_path / "redis-2.damaged-20261128T181450Z"
    assert (aside / "redis.conf").read_text() == "conf"
    assert list(node.iterdir()) == []


def test_of_a_volume_everything_in_it_is_moved_but_what_was_set_aside_before(tmp_path, monkeypatch):
    rename = Path.rename

    def refuse(path, target):
        if path == tmp_path:
            raise OSError(16, os.strerror(16))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    (tmp_path / "appendonlydir").mkdir()
    (tmp_path / "damaged-20260101T000000Z").mkdir()
    aside = damage.set_aside(tmp_path, NOW)
    assert [path.name for path in aside.iterdir()] == ["appendonlydir"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged-20260101T000000Z", aside.name]
