"""`python -m devstack.spawn RECORD OUTPUT ERRORS PROGRAM WORD...`: become a program that depends on no other.

The supervisor's pipes are left for files that this process opens itself: a supervisor that stands still or is gone then
keeps no server from logging, and so from serving. Lines are appended, so that a log can be emptied while it is in use.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from devstack import process_records

NOT_EXECUTABLE = 127


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Record this process, connect it to its logs, and execute the program in its place."""
    record, output, errors, *command = sys.argv[1:] if words is None else words
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(_open_log(output), 1)
    os.dup2(1 if errors == output else _open_log(errors), 2)
    process_records.write(Path(record), os.getpid())
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(NOT_EXECUTABLE)


def _open_log(log: str) -> int:
    try:
        return os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError:
        # A process without its log is better than none.
        return os.open(os.devnull, os.O_WRONLY)


if __name__ == "__main__":
    main()
