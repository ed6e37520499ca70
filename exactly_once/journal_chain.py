"""The check of a journal: whether its entries are those that scripts have appended, all of them and in that order."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from exactly_once.journal import Head, StoredEntry


class BreakKind(StrEnum):
    """What was done to a journal."""

    ALTERED = "altered"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainBreak:
    """The first place where a journal is not as it was written: a sequence number, and what was done there."""

    sequence: int
    kind: BreakKind
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What a sealed checkpoint says: the last entry before it, and the one before the first entry that is stored."""

    last: Head
    before_first: Head


class ChainCheck:
    """Goes through the entries of a journal in their order, from the one behind `start`.

    `is_sealed` says of an entry whether its seal is one of its text; `checkpoint_of` reads a sealed checkpoint, and
    returns None for any other entry. `known` is an entry that the journal has had, by what is stored elsewhere, such as
    an export. With `is_whole`, the first entry must be the first one of the journal. The first break is what
    counts: behind one, entries are looked at only for what tells removal from reordering, and alteration from
    insertion."""

    def __init__(
        self,
        start: Head,
        *,
        is_sealed: Callable[[StoredEntry], bool],
        checkpoint_of: Callable[[StoredEntry], Checkpoint | None],
        known: Head | None = None,
        is_whole: bool = True,
    ) -> None:
        self.last = start
        self.count = 0
        self.break_found: ChainBreak | None = None
        self._is_sealed = is_sealed
        self._checkpoint_of = checkpoint_of
        self._known = known
        self._is_whole = is_whole
        self._signed = start.sequence

    def add(self, entry: StoredEntry) -> None:
        """Check the next entry."""
        self.count += 1
        if self.break_found is None:
            self.break_found = self._break_at(entry)
            self.last = Head(sequence=entry.sequence, link=entry.link)
        else:
            self.break_found = _explained(self.break_found, entry)

    def finish(self, head: Head) -> ChainBreak | None:
        """Return the first break. `head` is the last entry as it was stored when the check began: the journal must
        reach as far."""
        for end in (head, self._known):
            self.break_found = self.break_found or self._break_at_end(end)
        return self.break_found

    def _break_at_end(self, end: Head | None) -> ChainBreak | None:
        if end is not None and self.last.sequence < end.sequence:
            detail = f"the journal ends here, and has had {end.sequence} entries"
            return _break(self.last.sequence + 1, BreakKind.TRUNCATED, detail)
        if end is not None and self.last.sequence == end.sequence and self.last.link != end.link:
            return _break(end.sequence, BreakKind.ALTERED, "the last entry is another than was recorded")
        return None

    def _break_at(self, entry: StoredEntry) -> ChainBreak | None:
        expected = self.last.sequence + 1
        if entry.sequence > expected and self.count == 1 and self._is_whole:
            detail = f"the journal begins with {entry.sequence}"
            return _break(expected, BreakKind.TRUNCATED, detail)
        if entry.sequence != expected and entry.sequence >= 0:
            return _out_of_sequence(entry, expected)
        if not self._is_sealed(entry):
            return _break(expected, BreakKind.ALTERED, "the seal is not one of the text")
        if entry.link != entry.link_after(self.last.link):
            return _break(expected, BreakKind.ALTERED, "the link is not one of the entry and those before it")
        if self._known and entry.sequence == self._known.sequence and entry.link != self._known.link:
            return _break(expected, BreakKind.ALTERED, "the entry is another than the one that is known")
        return self._break_of_checkpoint(entry)

    def _break_of_checkpoint(self, entry: StoredEntry) -> ChainBreak | None:
        """The break that only a checkpoint shows: an account that writes to the store can also make all links anew."""
        checkpoint = self._checkpoint_of(entry)
        if checkpoint is None:
            return None
        first, signed = self._signed + 1, checkpoint.last
        if signed != self.last:
            return _break(
                first, _kind_by_count(self.last, signed), f"{entry.sequence} signs other entries from here on"
            )
        self._signed = entry.sequence
        return None


def _out_of_sequence(entry: StoredEntry, expected: int) -> ChainBreak:
    if entry.sequence < expected:
        detail = f"an entry with the number {entry.sequence} is behind {expected - 1}"
        return _break(expected, BreakKind.INSERTED, detail)
    return _break(expected, BreakKind.REMOVED, f"{expected - 1} is followed by {entry.sequence}")


def _kind_by_count(last: Head, signed: Head) -> BreakKind:
    if last.sequence == signed.sequence:
        return BreakKind.REORDERED
    return BreakKind.REMOVED if last.sequence < signed.sequence else BreakKind.INSERTED


def _explained(found: ChainBreak, entry: StoredEntry) -> ChainBreak:
    """The break, in the light of an entry behind it that has its sequence number."""
    if entry.sequence != found.sequence:
        return found
    if found.kind is BreakKind.REMOVED:
        return _break(found.sequence, BreakKind.REORDERED, "the entry is in another place")
    if found.kind is BreakKind.ALTERED:
        return _break(found.sequence, BreakKind.INSERTED, "two entries have this number")
    return found


def _break(sequence: int, kind: BreakKind, detail: str) -> ChainBreak:
    return ChainBreak(sequence=sequence, kind=kind, detail=detail)
