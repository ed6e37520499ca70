"""Install what generates clients and lints the OpenAPI document: `python -m clients.tools`.

All of it is below .clients/, at the versions and with the hashes of requirements-clients.lock and of
clients/node/package-lock.json. Node.js comes as a Python package: the machine needs none.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".clients"
BIN = HOME / "venv" / "bin"
PYTHON = BIN / "python"
PACKAGES = HOME / "node_modules"
NODE_BIN = PACKAGES / ".bin"
LOCK = ROOT / "requirements-clients.lock"
NODE = ROOT / "clients" / "node"
#: What npm reads.
MANIFESTS = ("package.json", "package-lock.json")
_STAMP = HOME / "installed"


def is_installed() -> bool:
    """Whether everything is there, at the versions of the locks."""
    return NODE_BIN.is_dir() and _STAMP.exists() and _STAMP.read_text(encoding="ascii") == _digest()


def environment() -> Mapping[str, str]:
    """The environment in which the tools run: they find Node.js, and each other."""
    return {**os.environ, "PATH": os.pathsep.join([str(NODE_BIN), str(BIN), *os.get_exec_path()])}


def install() -> None:
    """Install everything anew, unless it is there."""
    if is_installed():
        return
    shutil.rmtree(HOME, ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(HOME / "venv"))
    _run(str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK))
    for name in MANIFESTS:
        shutil.copy(NODE / name, HOME / name)
    _run(str(BIN / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    # npm that is interrupted ends with success.
    if not NODE_BIN.is_dir():
        raise SystemExit("npm has installed nothing: try again.")
    _STAMP.write_text(_digest(), encoding="ascii")


def _digest() -> str:
    contents = [LOCK.read_bytes(), *((NODE / name).read_bytes() for name in MANIFESTS)]
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def _run(*command: str) -> None:
    subprocess.run(command, cwd=HOME if HOME.exists() else ROOT, env=environment(), check=True)


if __name__ == "__main__":
    install()
