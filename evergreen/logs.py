"""Log lines: one JSON object each, on standard error, with what this code says and nothing that came from outside.

No line raises or blocks, whatever becomes of standard error (`stack/log_writer.py`): what cannot be written is dropped
and counted.

What an exception says, and what libraries put into their sentences, may be what a client has sent: of those, types,
places in the code and the sentences without their values are kept. docs/logs.md lists the fields.
"""

import json
import logging.config
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, ExcInfo

from agents.log_writer import LogStream, LogWriter
from shop.api.context import find_context

#: What is taken out wherever it stands: addresses, tokens, and what was sent as a token.
_PRIVATE = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+|\bev[gk]_[\w-]+|\bBearer\s+[\w.~+/=-]+", re.IGNORECASE)
_SIGNS = ("@", "evg_", "evk_", "bearer")
REMOVED = "[removed]"
#: gunicorn's sentences are about processes and sockets. In one about a request, the request comes behind that word.
_GUNICORN = "gunicorn."
_BEHIND_REQUEST = re.compile(r"(?<=request)\b.*", re.DOTALL)
LONGEST_CHAIN = 10
STDERR = 2
#: A request waits as long for its line at most, where standard error takes nothing.
FLUSH_TIMEOUT_S = 0.1


def _count_dropped(lines: int) -> None:
    # Not before it is needed: commands have no use for the metrics, and pay for loading them.
    from shop import telemetry

    telemetry.log_lines_dropped(lines)


WRITER = LogWriter(STDERR, on_drop=_count_dropped)


class LineHandler(logging.Handler):
    """Hands the standard library's records, formatted, to the writer. A record that cannot be formatted is dropped."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            WRITER.write(self.format(record).encode(errors="backslashreplace") + b"\n")
        except Exception:
            WRITER.drop()

    def flush(self) -> None:
        """Return when what was logged is written or dropped, structlog's lines too, or after FLUSH_TIMEOUT_S."""
        WRITER.flush(FLUSH_TIMEOUT_S)


class _LineLogger:
    """What structlog hands its finished lines to."""

    def msg(self, line: bytes) -> None:
        WRITER.write(line + b"\n")

    debug = info = warning = error = critical = exception = log = msg


class _SafeLogger(structlog.make_filtering_bound_logger(logging.INFO)):  # type: ignore[misc]
    """A logger out of which no exception comes: a line that cannot be made is dropped."""

    def _proxy_to_logger(self, *args: Any, **fields: Any) -> Any:
        try:
            return super()._proxy_to_logger(*args, **fields)
        except Exception:
            WRITER.drop()
            return None


def _traceback(exc_info: ExcInfo) -> str:
    """Where it was raised, and the types of what was raised, the first cause first."""
    chain = reversed(list(islice(_chain(exc_info[1]), LONGEST_CHAIN)))
    return "\n".join("".join(traceback.format_tb(each.__traceback__)) + type(each).__qualname__ for each in chain)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


_COMMON: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    structlog.processors.ExceptionRenderer(_traceback),
]


def configure(logging_settings: dict[str, Any]) -> None:
    """Makes structlog, and the standard library's logging by these settings, write JSON lines."""
    structlog.configure(
        processors=[*_COMMON, structlog.processors.JSONRenderer(serializer=_bytes)],
        wrapper_class=_SafeLogger,
        logger_factory=lambda *_: _LineLogger(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(logging_settings)


def json_lines() -> logging.Formatter:
    """What turns the standard library's records into the same lines."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_as_said, _with_request, *_COMMON],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(serializer=_line),
        ],
    )


def catch_the_uncaught() -> None:
    """Makes lines of what Python would print by itself: warnings, and what ends a thread."""
    logging.captureWarnings(True)
    threading.excepthook = _thread_ended


def protect_standard_streams() -> None:
    """Send what any library prints through the writer too. For servers: a command's output belongs to its caller."""
    sys.stdout, sys.stderr = LogStream(WRITER, 1), LogStream(WRITER, STDERR)


class Raised(logging.Filter):
    """Lets through what carries a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info)


def _as_said(_: Any, __: str, line: EventDict) -> EventDict:
    """A library's sentence without the values in it; gunicorn's with them, as far as it speaks of itself."""
    record = line["_record"]
    line["logger"] = record.name
    if record.name.startswith(_GUNICORN):
        line["event"] = _BEHIND_REQUEST.sub("", line["event"])
    else:
        line["event"] = str(record.msg)
    return line


def _with_request(_: Any, __: str, line: EventDict) -> EventDict:
    request = getattr(line["_record"], "request", None)
    if request is not None:
        line["event"] = "exception"
        context = find_context(request)
        line["request_id"] = context.request_id if context else None
        line["route"] = request.resolver_match.view_name if request.resolver_match else "none"
    return line


def _thread_ended(ended: threading.ExceptHookArgs) -> None:
    raised = (ended.exc_type, ended.exc_value, ended.exc_traceback)
    structlog.get_logger().error("thread ended", thread=ended.thread.name if ended.thread else None, exc_info=raised)


def _bytes(line: Any, default: Any) -> bytes:
    return _line(line, default).encode()


def _line(line: Any, default: Any) -> str:
    try:
        text = orjson.dumps(line, default=str).decode()
    except TypeError:
        # Half a surrogate pair, which no UTF-8 has, or a number that is too long.
        text = json.dumps(line, default=str)
    # Looking for the pattern takes a hundred times as long as looking for the signs without which there is none.
    lower = text.lower()
    return _PRIVATE.sub(REMOVED, text) if any(sign in lower for sign in _SIGNS) else text
