"""A write, declared once: its script, what it takes, and what each reply becomes.

    PLACE = WriteDeclaration(
        script="purchase_place",
        keys=("purchase", "user"),
        args=("id", "buyer"),
        replies={
            "PLACED": returns(purchase_of),
            "SOLD_OUT": refuses(lambda reply: SoldOut(reply.about)),
            "NO_SUCH_USER": fails(lambda reply: NotFound("user", reply.about)),
        },
        subject="buyer",
    )

The declaration and the header of the Lua file say the same; `Scripts.check` compares them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from exactly_once.errors import IdempotencyKeyReused, OutcomeErased, RateLimited, Refusal, UndeclaredReply
from exactly_once.journal import NO_ENTRY, Change, JournalEntry
from exactly_once.requests import WriteRequest, WriteResult

T = TypeVar("T")
Value = str | int | float

#: The reply of every write where the store has another schema than the process: see schema.py.
SCHEMA_CHANGED = "SCHEMA_CHANGED"
#: Replies of the engine itself; no script may declare them.
KEY_REUSED, ERASED, EXPIRED, RATE_LIMITED = "KEY_REUSED", "ERASED", "EXPIRED", "RATE_LIMITED"
#: The reply of an optimistic write whose record was changed by another one since it was read.
CHANGED = "CHANGED"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a write script replied: a tag, the values behind it, and the id of the request that it was first given to.
    `about` and `args` are those of the call that got it."""

    tag: str
    values: Sequence[str]
    origin_request_id: str
    about: str = ""
    args: Mapping[str, Value] = field(default_factory=dict)
    #: Of a write that its rate limit refused: seconds until one is admitted.
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a reply becomes: a value, or an error to raise; `is_recorded` where a repeat gets the same reply again.
    `is_refusal` where nothing was changed: it is recorded more briefly."""

    make: Callable[[Reply], T | Exception]
    is_recorded: bool
    is_refusal: bool = False


def returns(make: Callable[[Reply], T]) -> Outcome[T]:
    """A recorded reply that becomes the value of the result."""
    return Outcome(make, is_recorded=True)


def refuses(make: Callable[[Reply], Refusal]) -> Outcome[Any]:
    """A recorded reply that becomes a refusal: the script gives it by `refuse`, and has changed nothing."""
    return Outcome(make, is_recorded=True, is_refusal=True)


def fails(make: Callable[[Reply], Exception]) -> Outcome[Any]:
    """A reply that is not recorded, and becomes an error: a repeat looks anew."""
    return Outcome(make, is_recorded=False)


class VersionConflict(Exception):
    """An optimistic write found another version than the one that it was made from; nothing was done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteDeclaration(Generic[T]):
    """A write.

    `keys` and `args` are the names that its script knows them by, in the order of its header. `replies` has every tag
    that the script can reply with. `subject` is the script's name for the person whose data a recorded outcome holds,
    or empty. An optimistic write replies CHANGED where another version came between; `Store.write_optimistic` makes it
    anew. `kind` is what it writes, for the journal: the object of an entry is `kind:about`.
    """

    script: str
    keys: tuple[str, ...]
    args: tuple[str, ...]
    replies: Mapping[str, Outcome[T]]
    subject: str = ""
    is_optimistic: bool = False
    kind: str = ""

    def call(
        self,
        request: WriteRequest,
        *,
        keys: Mapping[str, str],
        args: Mapping[str, Value],
        about: str = "",
        changes: Sequence[Change] = (),
    ) -> "WriteCall[T]":
        """One run of it for one request; `about` names its object in errors. `changes` are for the journal."""
        return WriteCall(declaration=self, request=request, keys=keys, args=args, about=about, changes=changes)

    def interpret(self, reply: Reply) -> WriteResult[T]:
        """The result that a reply stands for.

        Raises:
            IdempotencyKeyReused: the record belongs to another request.
            OutcomeErased: the outcome held data of a subject that has been erased.
            RateLimited: the request's rate limit refused it.
            VersionConflict: see `is_optimistic`.
            UndeclaredReply: the declaration does not name the tag.
            The error that the declaration makes of the tag.
        """
        outcome = self.replies.get(reply.tag)
        if outcome is None:
            raise self._reserved(reply)
        made = outcome.make(reply)
        if isinstance(made, Refusal):
            made.origin_request_id = reply.origin_request_id
        if isinstance(made, Exception):
            raise made
        return WriteResult(value=made, origin_request_id=reply.origin_request_id)

    def _reserved(self, reply: Reply) -> Exception:
        tag = reply.tag
        if tag == RATE_LIMITED:
            return RateLimited(reply.retry_after_s)
        if tag == KEY_REUSED:
            return IdempotencyKeyReused("The idempotency key belongs to another request.")
        if tag == ERASED:
            return OutcomeErased("The outcome of this request held data of somebody who has been erased since.")
        if (tag == CHANGED and self.is_optimistic) or tag == EXPIRED:
            return VersionConflict(tag)
        return UndeclaredReply(f"{self.script} replied {tag}, which its declaration does not name.")


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteCall(Generic[T]):
    """One run of a declared write: for which request, on which keys, with which arguments."""

    declaration: WriteDeclaration[T]
    request: WriteRequest
    keys: Mapping[str, str]
    args: Mapping[str, Value]
    about: str = ""
    changes: Sequence[Change] = ()

    def journal_entry(self) -> JournalEntry:
        """What the script records of the write."""
        journal = self.request.journal
        return journal.entry(f"{self.declaration.kind}:{self.about}", self.changes) if journal else NO_ENTRY
