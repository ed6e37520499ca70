import shutil
from pathlib import Path

import pytest

from devstack.rotation import rotate_all


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "nginx.log"


def contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(directory.iterdir())}


def test_a_full_log_is_copied_and_emptied_and_its_writer_appends_to_the_same_file(log):
    with log.open("a") as writer:
        print("before", file=writer, flush=True)
        rotate_all(log.parent, 5, 3)
        print("after", file=writer, flush=True)
    assert contents(log.parent) == {"nginx.log": "after\n", "nginx.log.1": "before\n"}


def test_no_more_copies_stay_than_asked_for(log):
    for number in range(5):
        log.write_text(f"{number}")
        rotate_all(log.parent, 0, 3)
    assert contents(log.parent) == {"nginx.log": "", "nginx.log.1": "4", "nginx.log.2": "3", "nginx.log.3": "2"}


def test_small_logs_and_those_with_writers_that_rotate_them_stay(log):
    texts = {"commands.log": "long line", "nginx.log": "line"}
    for name, text in texts.items():
        log.with_name(name).write_text(text)
    rotate_all(log.parent, 4, 3)
    assert contents(log.parent) == texts


def test_a_full_disk_leaves_the_log_and_no_half_a_copy(log, monkeypatch):
    def fill(source, target):
        Path(target).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fill)
    log.write_text("line")
    rotate_all(log.parent, 0, 3)
    assert contents(log.parent) == {"nginx.log": "line"}
