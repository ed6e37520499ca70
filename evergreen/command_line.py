"""The command line: `manage.py` in a source tree, `evergreen-stores` where the package is installed."""

import os
import sys
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from configuration.program import INSTALLED
from devstack.command_log import record_command
from devstack.verbs import VERBS

#: Verbs of `stack` that are commands by themselves. `logs` is not: it is a command of its own.
STACK_VERBS = VERBS.keys() - {"logs"}


def main(words: Sequence[str] | None = None) -> None:
    """Carry out a command of the project or of the shop."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    program, *rest = sys.argv if words is None else words
    if program.endswith("__main__.py"):
        program = INSTALLED
    command = expand(rest)
    try:
        with record_command(command):
            execute_from_command_line([program, *command])
    except ImproperlyConfigured as fault:
        sys.exit(str(fault))


def expand(words: Sequence[str]) -> list[str]:
    """The words of a command, `stack` before a verb of its own."""
    return ["stack", *words] if words and words[0] in STACK_VERBS else list(words)
