"""From a server's error replies to the engine's errors. No other module reads them."""

from redis.exceptions import NoScriptError, RedisError, ResponseError

from exactly_once.errors import Indeterminate, NotExecuted, ScriptMissing

# Each is said before anything is executed.
_REFUSALS = ("NOREPLICAS", "READONLY", "LOADING", "OOM", "MISCONF", "MASTERDOWN", "BUSY", "CLUSTERDOWN", "TRYAGAIN")
# From a server that closes the connection at once.
_NO_CONNECTION_LEFT = "max number of clients reached"


def translate(error: RedisError) -> Exception:
    """The engine's error for an error reply; the reply itself where it shows a defect (a wrong script, a wrong
    type)."""
    if isinstance(error, NoScriptError):
        return ScriptMissing(str(error))
    refusal = _refusal(error)
    if refusal:
        return NotExecuted(str(error), refusal.lower())
    if isinstance(error, ResponseError) and not str(error).startswith("UNBLOCKED"):
        return error
    return Indeterminate(str(error))


def closes_connection(error: RedisError) -> bool:
    """Whether the server says with it that it has no connection left, closes this one, and executes nothing of what was
    sent on it."""
    return str(error).startswith(_NO_CONNECTION_LEFT)


def _refusal(error: RedisError) -> str | None:
    # Where redis-py has a class for an error, it takes the word out of the text.
    text = error.status_code or str(error)
    if closes_connection(error):
        return "MAXCLIENTS"
    return next((word for word in _REFUSALS if text.startswith(word)), None)
