"""How commands of the shop are called on this machine, for hints that work as typed."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Whether this is the source tree: `manage.py` is not part of the package.
IS_SOURCE_TREE = (ROOT / "manage.py").exists()
INSTALLED = "evergreen-stores"


def program(root: Path, directory: Path, *, is_source_tree: bool) -> str:
    """The words that call a command of the project at `root` from this directory."""
    if not is_source_tree:
        return INSTALLED
    return "./manage.py" if directory == root else str(root / "manage.py")


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was removed
        return Path("/")


PROGRAM = program(ROOT, _working_directory(), is_source_tree=IS_SOURCE_TREE)
#: What starts a stack.
START = "make run" if IS_SOURCE_TREE else f"{INSTALLED} run"
