"""What a command opens a backup with."""

import io
from types import SimpleNamespace

import pytest

from operations.backup.encryption import KeyUnusable
from operations.management.sources import read_keys

KEYS = b"# a key\nAGE-SECRET-KEY-1ONE\nAGE-SECRET-KEY-1TWO\n"
FOUND = ["AGE-SECRET-KEY-1ONE", "AGE-SECRET-KEY-1TWO"]


@pytest.fixture
def given(monkeypatch):
    """Gives this on the standard input."""

    def give(content):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    return give


def test_without_a_name_there_are_none():
    assert read_keys(None, "newest") == []


def test_they_are_in_a_file_whatever_the_standard_input_has(tmp_path, given):
    file = tmp_path / "key.txt"
    file.write_bytes(KEYS)
    given(b"a backup")
    assert read_keys(str(file), "-") == FOUND


def test_they_are_on_the_standard_input_where_the_backup_is_elsewhere(given):
    given(KEYS)
    assert read_keys("-", "newest") == FOUND


@pytest.mark.parametrize(("content", "backup", "said"), [(KEYS, "-", "cannot be both"), (b"", "newest", "no iden")])
def test_a_standard_input_without_keys_is_refused(given, content, backup, said):
    given(content)
    with pytest.raises(KeyUnusable, match=said):
        read_keys("-", backup)
