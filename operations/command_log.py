"""What was done with `manage.py`, in the log of the stack that runs here: commands.log, a line for each command."""

import logging
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from django.core.management import get_commands

from agents.launch import log_line
from devstack import settings
from devstack.layout import COMMANDS, Layout

LARGEST, KEPT = 5_000_000, 2
INTERRUPTED = 130
#: Options may be anybody's address; these words name processes and what is done with them.
_STACK = "stack"
_WORD = re.compile(r"[a-z]+(-\d+)?")


class _Handler(RotatingFileHandler):
    """Says nothing of a line that it could not write: the terminal belongs to the command."""

    def handleError(self, record: logging.LogRecord) -> None:
        return


@contextmanager
def recorded(words: Sequence[str]) -> Iterator[None]:
    """Around a command, of which these are the words: leaves a line once it has ended. Nothing where no stack has run
    here: there is no such log."""
    began, status = time.monotonic(), 0
    try:
        yield
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise
    except BaseException as error:
        status = INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
        raise
    finally:
        file = _file()
        if file:
            _write(file, _named(words), status, time.monotonic() - began)


def _file() -> Path | None:
    try:
        layout = Layout(settings=settings.read(os.environ))
    except settings.Misconfigured:
        return None
    return layout.log(COMMANDS) if os.access(layout.logs, os.W_OK) else None


def _named(words: Sequence[str]) -> str:
    if not words or words[0] not in get_commands():
        return "unknown"
    shown = [word for word in words if _WORD.fullmatch(word)] if words[0] == _STACK else words[:1]
    return " ".join(shown)


def _write(file: Path, name: str, status: int, seconds: float) -> None:
    line = log_line("command", command=name, status=status, seconds=round(seconds, 3))
    # On a full disk the line is missing, and the command ends as it would have.
    with suppress(OSError):
        handler = _Handler(file, maxBytes=LARGEST, backupCount=KEPT)
        handler.emit(logging.makeLogRecord({"msg": line}))
        handler.close()
