"""The journal: a stream in which the script of a write records the write, in the same step (lua/journal.lua).

An application gives a `WriteRequest` a `Journal`, which makes the text of the entry and its seal, a keyed hash of the
text. The script adds the sequence number, what it alone knows of the change, and a link: the hash of the entry and of
the link before it. A checkpoint is an entry whose text, and so its seal, has the link of the entry before it: no one
without the key can make one, nor change, remove, insert or reorder what is before one without being found out
(journal_chain.py).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

#: A field that a write changed, its value before and its value after.
Change = tuple[str, Any, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """What is recorded of a write: a text, such as JSON, without line breaks, and its seal."""

    text: str
    seal: str


class Journal(Protocol):
    """What an application records of one request."""

    def entry(self, about: str, changes: Sequence[Change]) -> JournalEntry:
        """Make the entry of a write to this object; `changes` are those that are known before the script runs."""
        ...


#: Of a write without a journal: the script records nothing.
NO_ENTRY = JournalEntry(text="", seal="")


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The last entry of a journal: its sequence number, from 1, and its link. 0 and nothing for an empty one."""

    sequence: int = 0
    link: str = ""

    @classmethod
    def parse(cls, stored: str | None) -> "Head":
        """The head that the script stores; an empty one where it stores none, or no head."""
        sequence, _, link = (stored or "").partition(" ")
        return cls(sequence=int(sequence), link=link) if sequence.isdecimal() else cls()

    def __str__(self) -> str:
        return f"{self.sequence} {self.link}"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEntry:
    """An entry of the stream. `effect` is what the script added, as a JSON list of changes; empty where nothing."""

    id: str
    sequence: int
    text: str
    seal: str
    effect: str
    link: str

    @classmethod
    def read(cls, id: str, flat: Sequence[str]) -> "StoredEntry":
        """The entry of a stream's reply. A damaged one has the sequence -1, or empty fields."""
        fields: Mapping[str, str] = dict(zip(flat[::2], flat[1::2], strict=False))
        sequence = fields.get("sequence", "")
        return cls(
            id=id,
            sequence=int(sequence) if sequence.isascii() and sequence.isdecimal() else -1,
            text=fields.get("entry", ""),
            seal=fields.get("seal", ""),
            effect=fields.get("effect", ""),
            link=fields.get("link", ""),
        )

    def link_after(self, previous: str) -> str:
        """The link that this entry should have behind the entry with the link `previous`."""
        # The hash that scripts have. The seal, not this, is what takes a key.
        parts = (previous, str(self.sequence), self.seal, self.text, self.effect)
        return hashlib.sha1("\n".join(parts).encode(), usedforsecurity=False).hexdigest()
