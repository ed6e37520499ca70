import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents import torn_tail
from agents.copies import MAX_COPIES
from agents.torn_tail import DamagedInTheMiddle, cut_back, find_whole_end

NO_CHECK = Path("/bin/false")
NOW = datetime(2026, 11, 28, 18, 14, 50, tzinfo=UTC)


def command(*words: str) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)


SET = command("SET", "key", "value\r\n of two lines")
TRANSACTION = command("MULTI") + SET + command("INCR", "revision") + command("EXEC")
BEGINNING = command("SELECT", "0") + b"#TS:1764000000\r\n" + SET


@pytest.mark.parametrize("last", [SET, TRANSACTION, b"#TS:1764000001\r\n", command("SET", "empty", "")])
def test_wherever_the_last_command_is_torn_what_is_before_it_is_whole(last):
    for length in range(len(last)):
        assert find_whole_end(BEGINNING + last[:length]) == len(BEGINNING)
    assert find_whole_end(BEGINNING + last) == len(BEGINNING) + len(last)


def test_a_transaction_that_is_whole_stays_and_the_torn_one_after_it_goes():
    data = BEGINNING + TRANSACTION
    assert find_whole_end(data + TRANSACTION[:-37]) == len(data)


@pytest.mark.parametrize("length", [0, 20, len(SET)])
def test_zeros_at_the_end_are_part_of_the_torn_tail(length):
    expected = len(BEGINNING) + (length if length == len(SET) else 0)
    assert find_whole_end(BEGINNING + SET[:length] + bytes(70_000)) == expected


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(BEGINNING + b"\xff" * 8 + SET, id="bytes that are no command"),
        pytest.param(BEGINNING + b"\xff" * 8, id="bytes that are no command, at the end"),
        pytest.param(BEGINNING + bytes(64) + SET, id="zeros before a command"),
        pytest.param(BEGINNING + SET.replace(b"$3", b"$900000", 1) + SET, id="a length that swallows the rest"),
        pytest.param(BEGINNING + SET.replace(b"$3", b"$4", 1) + SET, id="a length that is wrong by one"),
        pytest.param(BEGINNING + SET.replace(b"*3", b"*9", 1) + SET, id="a count that is wrong"),
        pytest.param(BEGINNING + b"*" + b"9" * 40, id="a number without an end"),
    ],
)
def test_damage_in_the_middle_is_no_torn_tail(data):
    with pytest.raises(DamagedInTheMiddle):
        find_whole_end(data)


def a_node(directory: Path, last: bytes, former: bytes = SET) -> Path:
    files = directory / "appendonlydir"
    files.mkdir(parents=True, exist_ok=True)
    (files / "appendonly.aof.manifest").write_text(
        "file appendonly.aof.2.base.rdb seq 2 type b\n"
        "file appendonly.aof.1.incr.aof seq 1 type h\n"
        "file appendonly.aof.2.incr.aof seq 2 type i\n"
        "file appendonly.aof.3.incr.aof seq 3 type i\n"
    )
    (files / "appendonly.aof.2.incr.aof").write_bytes(former)
    (files / "appendonly.aof.3.incr.aof").write_bytes(last)
    return files / "appendonly.aof.3.incr.aof"


def test_a_torn_file_is_cut_back_and_the_torn_one_is_set_aside(tmp_path):
    file = a_node(tmp_path, BEGINNING + TRANSACTION[:-5])
    repair = cut_back(tmp_path, NO_CHECK, NOW)
    assert repair
    assert (repair.file, repair.dropped_bytes) == (file, len(TRANSACTION) - 5)
    assert file.read_bytes() == BEGINNING
    assert (repair.aside / file.name).read_bytes() == BEGINNING + TRANSACTION[:-5]
    assert repair.aside == tmp_path / "torn-20261128T181450000000Z"


@pytest.fixture
def check(tmp_path: Path) -> Path:
    """A server whose check finds the first commands whole."""
    program = tmp_path / "server"
    report = f"AOF analyzed: filename=x, size=1, ok_up_to={len(BEGINNING)}, diff=1"
    program.write_text(f"#!/bin/sh\necho '{report}'\nexit 1\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("torn", [BEGINNING + SET[:-5], BEGINNING + TRANSACTION[:-5] + bytes(4096)])
def test_where_the_server_has_checked_the_beginning_only_the_rest_is_read(tmp_path, check, torn):
    file = a_node(tmp_path, torn.replace(b"*2", b"??", 1))
    assert cut_back(tmp_path, check, NOW)
    assert file.read_bytes() == BEGINNING.replace(b"*2", b"??", 1)


def test_what_the_server_s_check_refuses_is_damage_where_it_is_no_torn_tail(tmp_path, check):
    a_node(tmp_path, BEGINNING + b"\xff" * 8 + SET)
    assert cut_back(tmp_path, check, NOW) is None


@pytest.mark.parametrize("last", [BEGINNING + TRANSACTION, BEGINNING + b"\xff" * 8 + SET, b""])
def test_a_file_that_is_whole_or_damaged_in_the_middle_is_left_alone(tmp_path, last):
    file = a_node(tmp_path, last)
    assert cut_back(tmp_path, NO_CHECK, NOW) is None
    assert file.read_bytes() == last
    assert [path.name for path in tmp_path.iterdir()] == ["appendonlydir"]


def test_only_the_last_file_can_be_torn(tmp_path):
    a_node(tmp_path, SET, former=SET[:-5])
    assert cut_back(tmp_path, NO_CHECK, NOW) is None


@pytest.mark.parametrize("manifest", ["", "file appendonly.aof.1.base.rdb seq 1 type b\n"])
def test_without_a_last_file_nothing_is_cut(tmp_path, manifest):
    a_node(tmp_path, SET[:-5])
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text(manifest)
    assert cut_back(tmp_path, NO_CHECK, NOW) is None


def test_of_the_torn_files_the_newest_few_stay(tmp_path):
    for number in range(MAX_COPIES + 1):
        a_node(tmp_path, BEGINNING + SET[: number + 1])
        assert cut_back(tmp_path, NO_CHECK, NOW + timedelta(seconds=number))
    found = sorted(path.name for path in tmp_path.glob("torn-*"))
    assert found == [f"torn-20261128T18145{number}000000Z" for number in range(1, MAX_COPIES + 1)]


@pytest.mark.parametrize(("module", "step"), [(os, "fsync"), (torn_tail, "link")])
def test_without_room_the_torn_file_stays_and_no_earlier_copy_goes(tmp_path, monkeypatch, module, step):
    for number in range(MAX_COPIES):
        a_node(tmp_path, BEGINNING + SET[: number + 1])
        assert cut_back(tmp_path, NO_CHECK, NOW + timedelta(seconds=number))
    file, before = a_node(tmp_path, BEGINNING + SET[:-5]), sorted(tmp_path.rglob("*"))

    def refuse(path, *_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, step, refuse)
    for number in range(MAX_COPIES):
        with pytest.raises(OSError, match="No space"):
            cut_back(tmp_path, NO_CHECK, NOW + timedelta(minutes=1 + number))
    assert file.read_bytes() == BEGINNING + SET[:-5]
    assert sorted(tmp_path.rglob("*")) == before
