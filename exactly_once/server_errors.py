"""What went wrong between us and a server, in our own words. The only place that reads a server's error replies."""

from redis.exceptions import NoScriptError, RedisError, ResponseError


class ServerFault(Exception):
    """A server did not do what it was asked. `reason` is one word, of few, for the metrics."""

    reason = "unclear"

    def __init__(self, text: str = "", reason: str = "") -> None:
        super().__init__(text)
        self.reason = reason or self.reason


class NothingDone(ServerFault):
    """For certain nothing was done: it can be asked of another server at once."""

    reason = "unreachable"


class Unclear(ServerFault):
    """It may have been done: the connection ended, or time ran out, after the command was sent."""


class ScriptMissing(NothingDone):
    """The server does not know the script; load it and ask again."""

    reason = "script_missing"


# Each is said before anything is executed.
_REFUSALS = ("NOREPLICAS", "READONLY", "LOADING", "OOM", "MISCONF", "MASTERDOWN", "BUSY", "CLUSTERDOWN", "TRYAGAIN")


def fault_of(error: RedisError) -> Exception:
    """Our fault for an error reply; the error itself where it is a mistake of ours (a wrong script, a wrong type)."""
    if isinstance(error, NoScriptError):
        return ScriptMissing(str(error))
    refusal = _refusal(error)
    if refusal:
        return NothingDone(str(error), refusal.lower())
    if isinstance(error, ResponseError) and not str(error).startswith("UNBLOCKED"):
        return error
    return Unclear(str(error))


def _refusal(error: RedisError) -> str | None:
    # Where redis-py has a class for an error, it takes the word out of the text.
    said = error.status_code or str(error)
    return next((word for word in _REFUSALS if said.startswith(word)), None)
