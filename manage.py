#!/usr/bin/env python3
"""Runs the commands of the project and of the shop: `./manage.py help` lists them.

`make run` installs what they need into .venv: another Python hands over to the one there.
"""

import importlib.util
import os
import sys
from pathlib import Path

VENV = Path(__file__).resolve().parent / ".venv"


def hand_over() -> None:
    """Go on as the Python of .venv, where this one lacks the packages."""
    python = VENV / "bin" / "python"
    if Path(sys.prefix) == VENV or not python.exists():
        sys.exit(
            "The packages are not installed: `make run` installs them and starts the shop, `make up` in the background."
        )
    os.execv(python, [str(python), __file__, *sys.argv[1:]])


if __name__ == "__main__":
    if importlib.util.find_spec("django") is None:
        hand_over()
    from evergreen.command_line import main

    main()
