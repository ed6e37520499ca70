"""Log lines on descriptors that are closed, full, without a reader or on a full disk."""

import fcntl
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.log_writer import LogStream, LogWriter
from tests.stack_fixtures import wait_until

#: More than the 64 KiB that a pipe holds.
MANY, LONG = 200, b"x" * 999 + b"\n"


class Drops:
    """Counts dropped lines."""

    def __init__(self) -> None:
        self.lines = 0

    def __call__(self, lines: int) -> None:
        self.lines += lines


@pytest.fixture
def drops() -> Drops:
    return Drops()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue


def test_lines_arrive_whole_and_in_their_order(tmp_path):
    with (tmp_path / "log").open("ab", buffering=0) as file:
        writer = LogWriter(file.fileno())
        for number in range(1000):
            writer.write(b"%d\n" % number)
        writer.flush()
    assert (tmp_path / "log").read_text().split() == [str(number) for number in range(1000)]


class Pieces(LogWriter):
    """Notes what it writes at once."""

    def __init__(self, descriptor: int) -> None:
        self.pieces: list[bytes] = []
        super().__init__(descriptor)

    def _attempt(self, data: bytes) -> int:
        self.pieces.append(data)
        return super()._attempt(data)


def test_lines_that_come_together_are_written_in_one_piece(tmp_path):
    with (tmp_path / "log").open("ab", buffering=0) as file:
        writer = Pieces(file.fileno())
        with writer._lock:
            for number in range(9):
                writer.write(b"%d\n" % number)
        writer.flush()
    assert writer.pieces == [b"0\n1\n2\n3\n4\n5\n6\n7\n8\n"]


def test_a_flush_does_not_wait_until_lines_have_gathered(tmp_path):
    with (tmp_path / "log").open("ab", buffering=0) as file:
        writer = LogWriter(file.fileno(), gather_s=600)
        for number in range(3):
            writer.write(b"%d\n" % number)
            writer.flush(timeout_s=60)
    assert (tmp_path / "log").read_text() == "0\n1\n2\n"
    assert writer._queued_lines == 0


def test_a_piece_is_no_longer_than_what_a_pipe_takes_without_lines_of_others_among_it(tmp_path):
    long = b"x" * 2 * select.PIPE_BUF + b"\n"
    with (tmp_path / "log").open("ab", buffering=0) as file:
        writer = Pieces(file.fileno())
        with writer._lock:
            for line in (LONG, LONG, LONG, LONG, LONG, long, b"last\n"):
                writer.write(line)
        writer.flush()
    assert writer.pieces == [LONG * 4, LONG, long, b"last\n"]


def test_lines_behind_one_that_fails_are_tried_by_themselves(tmp_path, drops):
    class Refusing(LogWriter):
        def _attempt(self, data: bytes) -> int:
            if data.startswith(b"bad"):
                raise OSError
            return super()._attempt(data[:4])

    with (tmp_path / "log").open("ab", buffering=0) as file:
        writer = Refusing(file.fileno(), on_drop=drops)
        with writer._lock:
            for line in (b"one\n", b"bad\n", b"two\n"):
                writer.write(line)
        writer.flush()
    lines = (tmp_path / "log").read_text().splitlines()
    assert (lines[:2], json.loads(lines[2])["lines"], drops.lines) == (["one", "two"], 1, 1)


def test_a_pipe_without_a_reader_drops_lines_and_raises_nothing(pipe, drops):
    reader, descriptor = pipe
    os.close(reader)
    writer = LogWriter(descriptor, on_drop=drops)
    writer.write(b"line\n")
    wait_until(lambda: drops.lines == 1)


def test_a_full_disk_drops_lines_and_raises_nothing(drops):
    with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123
        writer = LogWriter(full.fileno(), on_drop=drops)
        writer.write(b"line\n")
        wait_until(lambda: drops.lines == 1)


def test_a_closed_descriptor_drops_lines_and_raises_nothing(pipe, drops):
    _, descriptor = pipe
    writer = LogWriter(descriptor, on_drop=drops)
    os.close(descriptor)
    writer.write(b"line\n")
    wait_until(lambda: drops.lines == 1)


def test_a_descriptor_that_was_closed_at_the_start_is_given_to_no_later_file(pipe):
    _, descriptor = pipe
    os.close(descriptor)
    LogWriter(descriptor)
    assert Path(f"/proc/self/fd/{descriptor}").readlink() == Path(os.devnull)


@pytest.mark.parametrize("is_blocking", [True, False])
def test_a_full_pipe_blocks_no_caller_and_what_was_dropped_is_reported_once_it_is_read(pipe, drops, is_blocking):
    reader, descriptor = pipe
    os.set_blocking(descriptor, is_blocking)
    writer = LogWriter(descriptor, max_lines=50, on_drop=drops)
    for _ in range(MANY):
        writer.write(LONG)
    assert drops.lines >= MANY - 50 - 66
    found = bytearray()
    thread = threading.Thread(target=lambda: collect(reader, found), daemon=True)
    thread.start()
    wait_until(lambda: found.count(LONG) == MANY - drops.lines and b"log lines dropped" in found)
    # One report, or a second one where a line got through between two that were dropped.
    reports = [json.loads(line) for line in found.splitlines() if line.startswith(b"{")]
    assert sum(report["lines"] for report in reports) == drops.lines
    os.close(descriptor)
    thread.join()


def collect(reader: int, found: bytearray) -> None:
    while data := os.read(reader, 65536):
        found += data


def test_a_queue_is_bounded_by_its_bytes(pipe, drops):
    writer = LogWriter(pipe[1], max_bytes=100, on_drop=drops)
    writer.write(b"x" * 101)
    assert drops.lines == 1


def test_what_counts_the_drops_may_fail(pipe):
    def fail(lines: int) -> None:
        raise RuntimeError

    assert LogWriter(pipe[1], max_lines=0, on_drop=fail).write(b"line\n") is None


def test_a_child_starts_with_an_empty_queue_and_a_thread_of_its_own(tmp_path):
    script = """
import os, sys
from agents.log_writer import LogWriter
writer = LogWriter(1)
writer.write(b"parent\\n")
if (child := os.fork()) == 0:
    writer.write(b"child\\n")
    writer.flush()
    os._exit(0)
os.waitpid(child, 0)
"""
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert sorted(output.split()) == ["child", "parent"]


def test_a_line_that_was_cut_off_does_not_spoil_the_next_one(tmp_path, pipe):
    reader, descriptor = pipe
    fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(descriptor, False)
    writer = LogWriter(descriptor)
    writer._is_torn = True
    writer.write(b"whole\n")
    writer.flush()
    assert os.read(reader, 100) == b"\nwhole\n"


def test_a_stream_hands_on_whole_lines_only(pipe):
    reader, descriptor = pipe
    writer = LogWriter(descriptor)
    stream = LogStream(writer, descriptor)
    print("one", 2, file=stream)
    print("not yet", end="", file=stream)
    writer.flush()
    assert os.read(reader, 100) == b"one 2\n"
