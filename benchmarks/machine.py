"""What a run was measured on: the machine, the programs and the commit."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from devstack import servers
from devstack.settings import ROOT, Settings

PACKAGES = ("Django", "djangorestframework", "gunicorn", "redis", "hiredis", "fastapi", "pydantic", "uvicorn", "uvloop")
CPU_MODEL = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)


def describe(client: str) -> dict[str, str]:
    """The machine of this run, by what is described."""
    found = servers.find(Settings(run=Path()))
    return {
        "time": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit(),
        "CPU": f"{_cpu()}, {os.cpu_count()} cores, shared by servers and client",
        "load average before": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "store": _first_line([str(found.redis), "--version"]),
        "nginx": _first_line([str(found.nginx), "-v"]),
        "packages": ", ".join(filter(None, map(_package, PACKAGES))),
        "client": client,
    }


def line(described: Mapping[str, str]) -> str:
    """The machine of a run in one line."""
    return ", ".join(f"{name} {text}" for name, text in described.items())


def commit() -> str:
    """The commit of the tree, and whether files differ from it."""
    short = _first_line(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]) or "unknown"
    changed = _first_line(["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"])
    return f"{short}, with changes" if changed else short


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    match = CPU_MODEL.search(path.read_text()) if path.exists() else None
    return match[1] if match else platform.processor() or platform.machine()


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""


def _first_line(words: Sequence[str]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines and not done.returncode else ""
