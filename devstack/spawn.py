"""`python -m devstack.spawn RECORD OUTPUT ERRORS DEFINITION PROGRAM WORD...`: become a program that depends on none.

The supervisor's pipes are left for files that this process opens itself: a supervisor that stands still or is gone then
keeps no server from logging, and so from serving. Lines are appended, so that a log can be emptied while it is in use.
Where there is a file DEFINITION, it names the program and more of its environment: data nodes and Sentinels were added
or removed since the supervisor was started, and a process is started as the present topology has it.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from devstack import process_records

NOT_EXECUTABLE = 127


def command(*, record: Path, output: Path, errors: Path, definition: Path | None, words: Sequence[str]) -> list[str]:
    """What starts these words with a record and logs of their own; `definition` may replace them."""
    # No file has the name of the empty path: it is a directory.
    files = [str(each) for each in (record, output, errors, definition or Path())]
    return [sys.executable, "-m", "devstack.spawn", *files, *words]


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Record this process, connect it to its logs, and execute the program in its place."""
    record, output, errors, definition, *program = sys.argv[1:] if words is None else words
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(_open_log(output), 1)
    os.dup2(1 if errors == output else _open_log(errors), 2)
    process_records.write(Path(record), os.getpid())
    program = _redefined(Path(definition), program)
    try:
        os.execvp(program[0], program)
    except OSError as error:
        print(f"{program[0]} cannot be started: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(NOT_EXECUTABLE)


def _redefined(definition: Path, program: list[str]) -> list[str]:
    if not definition.is_file():
        return program
    redefined = json.loads(definition.read_text())
    os.environ.update(redefined["environment"])
    return list(redefined["command"])


def _open_log(log: str) -> int:
    try:
        return os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError:
        # A process without its log is better than none.
        return os.open(os.devnull, os.O_WRONLY)


if __name__ == "__main__":
    main()
