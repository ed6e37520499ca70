"""`python -m devstack.supervisord WORD...`: the process supervisor, with log lines that neither raise nor block.

It logs to its standard output, and the traceback of a line that it could not write to its standard error. A full disk
fails both, and would end the supervisor at the moment in which it is needed most. Here such lines are dropped.
"""

import sys

from supervisor import supervisord  # type: ignore[import-untyped]

from agents.log_writer import LogStream, LogWriter

STDOUT, STDERR = 1, 2


def main() -> None:
    """Become the supervisor."""
    sys.stdout = LogStream(LogWriter(STDOUT), STDOUT)
    sys.stderr = LogStream(LogWriter(STDERR), STDERR)
    supervisord.main()


if __name__ == "__main__":
    main()
