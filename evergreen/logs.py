"""Log lines: one JSON object each, on standard error."""

import logging.config
import sys
from typing import Any

import orjson
import structlog

_COMMON: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def configure(logging_settings: dict[str, Any]) -> None:
    """Makes structlog, and the standard library's logging by these settings, write JSON lines."""
    structlog.configure(
        processors=[*_COMMON, structlog.processors.JSONRenderer(serializer=orjson.dumps, default=str)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(logging_settings)


def json_lines() -> logging.Formatter:
    """What turns the standard library's records into the same lines."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_with_request_id, *_COMMON],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(serializer=_text, default=str),
        ],
    )


class Raised(logging.Filter):
    """Lets through what carries a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info)


def _with_request_id(_: Any, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    request = getattr(line["_record"], "request", None)
    if request is not None:
        line["request_id"] = request.META.get("shop.request_id")
    return line


def _text(line: Any, default: Any) -> str:
    return orjson.dumps(line, default=default).decode()
