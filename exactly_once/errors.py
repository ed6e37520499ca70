"""Every error of the engine.

ExactlyOnceError
├── Unavailable              the store cannot answer now; try again later
│   ├── StoreUnavailable     nothing was done
│   │   └── SchemaFault      the store has another schema than this process works with
│   │       ├── SchemaOutdated   it has to be migrated first
│   │       └── SchemaTooNew     a later version of the application has migrated it
│   └── OutcomeUnknown       the write may have been done: repeat it under the same idempotency key
├── Refusal                  a recorded outcome that is an error: a repeat gets it again
│   └── IdempotencyKeyReused
├── OutcomeErased            the recorded outcome held personal data of a subject that has been erased
├── RateLimited              nothing was done; try again after the time that it names
├── UndeclaredReply          a script replied with a tag that its declaration does not name: a defect
└── ServerError              one server did not do what it was asked; the engine retries elsewhere
    ├── NotExecuted          the server did nothing
    │   └── ScriptMissing    the server does not know the script
    └── Indeterminate        the server may have done it (Jepsen's word for such a reply)

The exceptions of an application that stand for recorded outcomes derive from `Refusal`.
"""

from exactly_once.requests import Attributed


class ExactlyOnceError(Exception):
    """The root of the tree."""


class Unavailable(ExactlyOnceError):
    """The store cannot answer now."""


class StoreUnavailable(Unavailable):
    """Nothing was done, and nothing will be."""


class SchemaFault(StoreUnavailable):
    """The store has another schema than this process works with. The text says what to do."""


class SchemaOutdated(SchemaFault):
    """The store has to be migrated first."""


class SchemaTooNew(SchemaFault):
    """A later version of the application has migrated the store."""


class OutcomeUnknown(Unavailable):
    """It may have been done. A repeat under the same idempotency key finds out, and does it at most once."""


class Refusal(ExactlyOnceError, Attributed):
    """The recorded outcome of a write that was refused. `origin_request_id` names the request that was refused
    first."""

    origin_request_id: str = ""


class IdempotencyKeyReused(Refusal):
    """The idempotency key belongs to another request."""


class OutcomeErased(ExactlyOnceError):
    """The outcome of this request held data of a subject that has been erased since."""


class RateLimited(ExactlyOnceError):
    """A rate limit refuses the call: nothing was done or recorded. One is admitted after `retry_after_s`."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"Repeat it after {retry_after_s:.3f} s.")
        self.retry_after_s = retry_after_s


class UndeclaredReply(ExactlyOnceError):
    """A script replied with a tag that its declaration does not name."""


class ServerError(ExactlyOnceError):
    """A server did not do what it was asked. `reason` is one word out of few, for metrics. `timed_out` where the
    server may be running and did not answer in time, rather than refusing or ending the connection."""

    reason = "unclear"

    def __init__(self, text: str = "", reason: str = "", *, timed_out: bool = False) -> None:
        super().__init__(text)
        self.reason = reason or self.reason
        self.timed_out = timed_out


class NotExecuted(ServerError):
    """The server certainly did nothing: another one can be asked at once."""

    reason = "unreachable"


class ScriptMissing(NotExecuted):
    """The server does not know the script; load it and ask again."""

    reason = "script_missing"


class Indeterminate(ServerError):
    """The server may have done it: the connection ended, or time ran out, after the command was sent."""
