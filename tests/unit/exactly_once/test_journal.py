"""Entries of a journal that were damaged are read as what they are, and found by the check."""

import pytest

from exactly_once.journal import Head, StoredEntry
from exactly_once.journal_chain import BreakKind, ChainCheck

WHOLE = ["sequence", "1", "entry", "text", "seal", "seal of text", "effect", "", "link", ""]


def entry(*fields: str) -> StoredEntry:
    read = StoredEntry.read("1-0", fields)
    return StoredEntry.read("1-0", [*fields[:-1], read.link_after("")]) if fields[-2:-1] == ("link",) else read


def broken(*entries: StoredEntry) -> BreakKind | None:
    check = ChainCheck(
        Head(), is_sealed=lambda stored: stored.seal == f"seal of {stored.text}", checkpoint_of=lambda stored: None
    )
    for stored in entries:
        check.add(stored)
    found = check.finish(Head())
    return found.kind if found else None


def test_an_entry_is_whole_with_its_seal_and_its_link():
    assert broken(entry(*WHOLE)) is None


@pytest.mark.parametrize(
    "fields",
    [[], ["sequence"], ["sequence", "one"], ["entry", "text"], ["sequence", "1", "entry", "text", "seal", "another"]],
)
def test_a_damaged_entry_is_altered(fields: list[str]):
    assert broken(StoredEntry.read("1-0", fields)) is BreakKind.ALTERED


@pytest.mark.parametrize("stored", [None, "", "nothing", "-1 abc", "1.5 abc"])
def test_a_damaged_record_of_the_last_entry_is_that_of_an_empty_journal(stored: str | None):
    assert Head.parse(stored) == Head()


def test_the_record_of_the_last_entry_is_read_as_it_is_written():
    assert Head.parse(str(Head(sequence=7, link="ab"))) == Head(sequence=7, link="ab")
