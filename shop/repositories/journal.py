"""The journal of the audit as it is checked, signed and trimmed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from exactly_once import Store, WriteCall, WriteDeclaration, WriteRequest, returns
from exactly_once.journal import Head, StoredEntry
from exactly_once.journal_chain import ChainBreak, ChainCheck, Checkpoint
from shop.domain.audit import LOCAL_NETWORK, OPERATOR_ROLE, SYSTEM, AuditJournal, AuditKeys
from shop.domain.surroundings import Clock
from shop.repositories import records
from shop.repositories.audit import CHECKPOINT, READ_STEP, read_entry
from shop.repositories.keys import Keys

#: Entries that one checkpoint removes at most.
MAX_TRIMMED = 2_000
#: How often a check begins anew because the journal was trimmed meanwhile.
MAX_CHECKS = 3

APPEND_CHECKPOINT = WriteDeclaration(
    script="audit_checkpoint",
    kind="audit",
    keys=(),
    args=("head", "first_id"),
    replies={"APPENDED": returns(lambda reply: Head.parse(reply.values[0]))},
    is_optimistic=True,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """How long entries are stored, and how many."""

    age: timedelta
    max_entries: int


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalCheck:
    """The result of a check: how many entries it went through, the last one of them, and the first break, if any."""

    count: int
    last: Head
    break_found: ChainBreak | None


class RedisJournal:
    """Reads the journal from the primary, in pages. `keys_of_audit` are known once the store has answered."""

    def __init__(
        self, store: Store, keys: Keys, clock: Clock, retention: Retention, keys_of_audit: Callable[[], AuditKeys]
    ) -> None:
        self._store = store
        self._key = keys.journal
        self._head_key = keys.journal_head
        self._clock = clock
        self._retention = retention
        self._keys_of_audit = keys_of_audit

    def head(self) -> Head:
        """The last entry, by the record that the scripts have of it."""
        return Head.parse(self._store.read(("GET", self._head_key)))

    def count(self) -> int:
        """How many entries are stored."""
        return int(self._store.read(("XLEN", self._key)))

    def entries(self, after: str = "") -> Iterator[StoredEntry]:
        """The entries behind the one with this id, in their order."""
        low = f"({after}" if after else "-"
        while rows := self._rows("XRANGE", low, "+", READ_STEP):
            yield from rows
            low = f"({rows[-1].id}"

    def latest_checkpoint(self) -> tuple[StoredEntry, Checkpoint] | None:
        """The last checkpoint whose seal is right, and what it says."""
        high, is_sealed = "+", self._is_sealed()
        while rows := self._rows("XREVRANGE", high, "-", READ_STEP):
            for stored in rows:
                checkpoint = checkpoint_of(stored)
                if checkpoint and is_sealed(stored):
                    return stored, checkpoint
            high = f"({rows[-1].id}"
        return None

    def check(self, known: Head | None = None) -> JournalCheck:
        """Check every entry. `known` is an entry that the journal must have, such as one that was exported.

        Raises:
            StoreUnavailable: no node answers.
        """
        for _ in range(MAX_CHECKS):
            latest = self.latest_checkpoint()
            start = latest[1].before_first if latest else Head()
            found = self._checked(start, "", known)
            if found.break_found is None or self.latest_checkpoint() == latest:
                return found
        return found

    def check_end(self, known: Head | None = None) -> JournalCheck:
        """Check the entries behind the last checkpoint; where there is none, all. `known` is a checkpoint that the
        journal must have."""
        latest = self.latest_checkpoint()
        if latest is None:
            return self._checked(Head(), "", known)
        stored, _ = latest
        return self._checked(Head(sequence=stored.sequence, link=stored.link), stored.id, known)

    def is_checkpoint_due(self, interval: timedelta) -> bool:
        """Whether there are entries behind the last checkpoint, and that one is older than the interval."""
        latest = self.latest_checkpoint()
        head = self.head()
        if latest is None:
            return head.sequence > 0
        entry = read_entry(latest[0])
        is_old = entry is None or self._clock.now() - entry.at >= interval
        return is_old and head.sequence != latest[0].sequence

    def append_checkpoint(
        self, request: WriteRequest, found: ChainBreak | None = None, *, is_trimming: bool = True
    ) -> Head:
        """Sign the journal as it is, and, where `is_trimming`, remove what is older than the retention, MAX_TRIMMED
        entries at most. A break that was found is recorded. Return the checkpoint, which no single fault can take
        back.

        Raises:
            StoreUnavailable, OutcomeUnknown.
        """

        def prepare() -> WriteCall[Head]:
            first_id, before_first = self._trimming() if is_trimming else ("", self._before_first())
            head = self.head()
            changes = [("last", None, str(head)), ("before_first", None, str(before_first))]
            if found:
                changes.append(("break", None, f"{found.sequence} {found.kind}"))
            signed = replace(request, journal=self._journal(request.id))
            args = {"head": str(head) if head.sequence else "", "first_id": first_id}
            return APPEND_CHECKPOINT.call(signed, keys={}, args=args, about="journal", changes=changes)

        return self._store.write_optimistic(APPEND_CHECKPOINT, request, prepare).value

    def _checked(self, start: Head, after: str, known: Head | None) -> JournalCheck:
        head, is_sealed = self.head(), self._is_sealed()
        check = ChainCheck(start, is_sealed=is_sealed, checkpoint_of=checkpoint_of, known=known, is_whole=not after)
        for stored in self.entries(after):
            check.add(stored)
        return JournalCheck(count=check.count, last=check.last, break_found=check.finish(head))

    def _before_first(self) -> Head:
        latest = self.latest_checkpoint()
        return latest[1].before_first if latest else Head()

    def _trimming(self) -> tuple[str, Head]:
        """The id of the first entry that stays, empty where all stay, and the entry before the first."""
        before_first = self._before_first()
        # The checkpoint itself is one more.
        excess = self.count() + 1 - self._retention.max_entries
        oldest = records.milliseconds(self._clock.now() - self._retention.age)
        # The last row stays in any case: the chain goes on behind it.
        rows = self._rows("XRANGE", "-", "+", MAX_TRIMMED + 1 if excess > 0 or self._is_older(oldest) else 1)
        count = 0
        while count < len(rows) - 1 and (count < excess or _milliseconds(rows[count]) < oldest):
            count += 1
        if not count:
            return "", before_first
        last = rows[count - 1]
        return rows[count].id, Head(sequence=last.sequence, link=last.link)

    def _is_older(self, oldest: int) -> bool:
        return any(_milliseconds(row) < oldest for row in self._rows("XRANGE", "-", "+", 1))

    def _rows(self, verb: str, start: str, end: str, count: int) -> Sequence[StoredEntry]:
        rows = self._store.read((verb, self._key, start, end, "COUNT", count))
        return [StoredEntry.read(id, flat) for id, flat in rows]

    def _is_sealed(self) -> Callable[[StoredEntry], bool]:
        keys = self._keys_of_audit()
        return lambda stored: keys.is_sealed(stored.text, stored.seal)

    def _journal(self, request_id: str) -> AuditJournal:
        return AuditJournal(
            keys=self._keys_of_audit(),
            at=self._clock.now(),
            operation=CHECKPOINT,
            actor=SYSTEM,
            role=OPERATOR_ROLE,
            network=LOCAL_NETWORK,
            request_id=request_id,
        )


def checkpoint_of(stored: StoredEntry) -> Checkpoint | None:
    """What a checkpoint says; None for any other entry. Its seal is not looked at."""
    if CHECKPOINT not in stored.text:
        return None
    entry = read_entry(replace(stored, effect=""))
    if entry is None or entry.operation != CHECKPOINT:
        return None
    said = {change.field: change.after or "" for change in entry.changes}
    return Checkpoint(last=Head.parse(said.get("last")), before_first=Head.parse(said.get("before_first")))


def _milliseconds(stored: StoredEntry) -> int:
    return int(stored.id.partition("-")[0])
