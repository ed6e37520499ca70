"""A record of each `manage.py` command in the log of the stack that runs here: commands.log, one line each."""

import logging
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from django.core.management import get_commands

from agents.launch import format_log_line
from devstack import settings
from devstack.layout import COMMANDS, Layout

MAX_LOG_BYTES, MAX_ROTATED_LOGS = 5_000_000, 2
#: Exit status of a command that was interrupted.
INTERRUPTED = 130
#: The command whose words are recorded: they name processes and actions. Words of others may be personal data.
_STACK = "stack"
_WORD = re.compile(r"[a-z]+(-\d+)?")


class _Handler(RotatingFileHandler):
    """Drops a line that cannot be written, silently: the terminal belongs to the command."""

    def handleError(self, record: logging.LogRecord) -> None:
        return


@contextmanager
def record_command(words: Sequence[str]) -> Iterator[None]:
    """Run the block, which is the command of these words, and record its end. Does nothing more where no stack has run
    here, because there is no log then."""
    started, status = time.monotonic(), 0
    try:
        yield
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise
    except BaseException as error:
        status = INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
        raise
    finally:
        if file := _file():
            _write(file, _recordable(words), status, time.monotonic() - started)


def _file() -> Path | None:
    """The file in which commands are recorded; None where no stack has run."""
    try:
        layout = Layout(settings=settings.read(os.environ))
    except settings.Misconfigured:
        return None
    return layout.log(COMMANDS) if os.access(layout.logs, os.W_OK) else None


def _recordable(words: Sequence[str]) -> str:
    if not words or words[0] not in get_commands():
        return "unknown"
    return " ".join(filter(_WORD.fullmatch, words)) if words[0] == _STACK else words[0]


def _write(file: Path, name: str, status: int, seconds: float) -> None:
    line = format_log_line("command", command=name, status=status, seconds=round(seconds, 3))
    # On a full disk the line is missing, and the command ends as it would have.
    with suppress(OSError):
        handler = _Handler(file, maxBytes=MAX_LOG_BYTES, backupCount=MAX_ROTATED_LOGS)
        handler.emit(logging.makeLogRecord({"msg": line}))
        handler.close()
