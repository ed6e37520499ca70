"""The project's own files, as text and as syntax trees."""

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LUA = ROOT / "shop" / "repositories" / "lua"
FOLDERS = (
    "configuration",
    "exactly_once",
    "shop",
    "operations",
    "agents",
    "devstack",
    "evergreen",
    "tests",
    "deploy",
    "docs",
    "monitoring",
    "benchmarks",
    "chaos",
    "clients",
    "docsite",
)
WRITTEN = {".py", ".lua", ".md", ".toml", ".yml", ".yaml", ".conf", ".html", ".css", ".js", ".sh", ".json", ".txt"}


def modules(*folders: str) -> dict[str, ast.Module]:
    """The Python modules below these folders, by path."""
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return {named(path): ast.parse(path.read_text("utf-8")) for path in sorted(paths)}


def scripts() -> dict[str, str]:
    """Every Lua file, by path below the folder of Lua."""
    return {str(path.relative_to(LUA)): path.read_text("utf-8") for path in sorted(LUA.rglob("*.lua"))}


def written() -> Iterator[tuple[str, str]]:
    """Every file that somebody wrote, with its text."""
    loose = [path for path in ROOT.iterdir() if path.is_file()]
    for path in [*loose, *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]:
        if path.suffix in WRITTEN or path.name in {"Makefile", "Dockerfile"}:
            yield named(path), path.read_text("utf-8")


def strings(module: ast.Module) -> Iterator[str]:
    """The pieces of text in a module, without its docstrings."""
    prose = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def offenders(names: Iterable[str], offence: Callable[[str], Any]) -> dict[str, Any]:
    """What each of these commits, by name, where it commits anything: a test lists them all at once."""
    found = {name: offence(name) for name in names}
    return {name: each for name, each in found.items() if each}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))
