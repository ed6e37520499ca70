#!/usr/bin/env python3
"""Runs the commands of the project and of the shop: `./manage.py help` lists them.

`make run` installs what they need into .venv: another Python hands over to the one there.
"""

import importlib.util
import os
import sys
from pathlib import Path

VENV = Path(__file__).resolve().parent / ".venv"
PYTHON = VENV / "bin" / "python"


def has_packages() -> bool:
    """Whether this Python is to carry out the command: one that has Django, in an environment of its own where .venv is
    there too."""
    is_environment = sys.prefix != sys.base_prefix
    return importlib.util.find_spec("django") is not None and (is_environment or not PYTHON.exists())


def hand_over() -> None:
    """Go on as the Python of .venv."""
    if Path(sys.prefix) == VENV or not PYTHON.exists():
        sys.exit(
            "The packages are not installed: `make run` installs them and starts the shop, `make up` in the background."
        )
    os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])


if __name__ == "__main__":
    if not has_packages():
        hand_over()
    from evergreen.command_line import main

    main()
