"""Where variables come from: the environment, and what a stack leaves in its data directory."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configuration import shop, stack
from configuration.program import INSTALLED, IS_SOURCE_TREE, ROOT
from configuration.reading import read
from configuration.values import ConfigurationError, Values
from configuration.variable import Scope, Variable

#: What a stack was started with, by variable.
RECORD = "stack.json"
#: The variables with which commands of the shop find the stack.
ENV_FILE = "env"
# A stack starts gunicorn, which would name its faults in a log.
_STACK = (Scope.STACK, Scope.GUNICORN)


def run_directory(environ: Mapping[str, str]) -> Path:
    """The data directory of the stack that these variables name."""
    return (base_directory(environ) / (environ.get(stack.RUN.name, "").strip() or stack.RUN.default)).resolve()


def is_given(environ: Mapping[str, str], variable: Variable[Any]) -> bool:
    """Whether the environment has a value for this variable."""
    return bool(environ.get(variable.name, "").strip())


def base_directory(environ: Mapping[str, str], *, is_source_tree: bool = IS_SOURCE_TREE) -> Path:
    """The directory of data directories: the project, or the user's data where the package is installed."""
    if is_source_tree:
        return ROOT
    home = environ.get("XDG_DATA_HOME", "").strip() or Path(environ.get("HOME", "").strip() or "/", ".local", "share")
    return Path(home, INSTALLED)


def read_shop(environ: Mapping[str, str]) -> Values:
    """Read what an API instance or a command of the shop needs; where no Sentinels are named, those of the stack.

    Raises:
        ConfigurationError: some variables cannot be used.
    """
    defaults = {} if environ.get(shop.SENTINELS.name) else _env_file(run_directory(environ) / ENV_FILE)
    try:
        return read(Scope.API, environ, defaults)
    except ConfigurationError:
        # `manage.py stack` is a command of the shop too: what it would find next is named with the rest.
        return read((Scope.API, *_STACK), environ, defaults)


def read_stack(environ: Mapping[str, str]) -> Values:
    """Read what a stack is started with; what is not set, as the one in its data directory was started last.

    Raises:
        ConfigurationError: some variables, or the record of the stack, cannot be used.
    """
    return read(_STACK, environ, record(run_directory(environ)))


def record(run: Path) -> dict[str, str]:
    """What the stack in this data directory was started with, by variable; nothing where none was.

    Raises:
        ConfigurationError: the record cannot be read.
    """
    path = run / RECORD
    try:
        return {str(name): str(value) for name, value in json.loads(path.read_text("utf-8")).items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, AttributeError) as error:
        fault = f"{path} cannot be read ({type(error).__name__}): correct it, or remove it while no stack runs there."
        raise ConfigurationError([fault]) from None


def _env_file(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name.strip(): value for name, _, value in pairs}
