import os
from pathlib import Path

import pytest

from agents import file_age
from agents.file_age import MAX_AGE_S, STAGGER_S, find_max_age_s, is_too_old, rewrite
from exactly_once.client import Address, ErrorReply

NOW = 1_700_000_000.0
NODES = [Address(f"10.0.0.{host}", 6379) for host in (1, 2, 3)]


@pytest.fixture
def base(tmp_path):
    file = tmp_path / "appendonlydir" / "appendonly.aof.7.base.rdb"
    file.parent.mkdir()
    file.touch()
    return file


def aged(file: Path, seconds: float) -> Path:
    """The directory of a node whose file was rewritten so many seconds ago."""
    os.utime(file, (NOW - seconds, NOW - seconds))
    return file.parents[1]


@pytest.mark.parametrize(("age_s", "expected"), [(MAX_AGE_S - 1, False), (MAX_AGE_S + 1, True), (-MAX_AGE_S, False)])
def test_a_file_is_rewritten_when_its_last_rewrite_is_too_long_ago(base, age_s, expected):
    assert is_too_old(aged(base, age_s), MAX_AGE_S, NOW) is expected


def test_a_node_without_a_file_rewrites_none(tmp_path):
    assert not is_too_old(tmp_path, MAX_AGE_S, NOW)


def test_the_nodes_rewrite_at_different_ages_all_of_them_within_a_day():
    ages = [find_max_age_s(node, NODES) for node in NODES]
    assert ages == [MAX_AGE_S, MAX_AGE_S + STAGGER_S, MAX_AGE_S + 2 * STAGGER_S]
    assert find_max_age_s(NODES[2], NODES) + file_age.POLL_S < 24 * 3600
    assert find_max_age_s(Address("10.0.0.9", 6379), NODES) == MAX_AGE_S


class Server:
    def __init__(self, failure: Exception | None = None) -> None:
        self.failure, self.commands = failure, []

    def close(self) -> None:
        """There is no connection."""

    def __getitem__(self, address: Address) -> "Server":
        return self

    def run(self, *commands, timeout: float) -> None:
        if self.failure:
            raise self.failure
        self.commands += commands


def test_a_rewrite_empties_the_slow_log_too():
    server = Server()
    rewrite(server, NODES[0])
    assert server.commands == [("BGREWRITEAOF",), ("SLOWLOG", "RESET")]


def test_a_server_that_refuses_is_asked_again_at_the_next_look(base, monkeypatch):
    server, looks = Server(ErrorReply("ERR")), [True, True, False]
    monkeypatch.setattr(file_age, "is_running", lambda pid: looks.pop(0))
    monkeypatch.setattr("agents.file_age.time.sleep", lambda seconds: setattr(server, "failure", None))
    file_age.watch_file(server, NODES[0], NODES, aged(base, MAX_AGE_S + 1), 1)
    assert server.commands == [("BGREWRITEAOF",), ("SLOWLOG", "RESET")]
