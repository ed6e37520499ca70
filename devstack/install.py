"""`python3 -m devstack.install LIST`: install the packages of requirements-LIST.lock into .venv, each by its hashes.

uv installs them where it is on the path, else pip, with a line that shows how far it is. Nothing but the standard
library is imported. With `--serve` it first looks whether a stack could be started: a port in use is named before
anything is installed.
"""

import argparse
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import configuration
from configuration import stack
from devstack import ports

ROOT = configuration.ROOT
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UNUSABLE, FAILED = 2, 1
#: Seconds between two lines where the output is no terminal.
LINE_INTERVAL_S = 5.0
#: Since pip 22.3, one pip installs for another Python.
MIN_PIP = (22, 3)
#: Certificates of the system, as pip takes them; and few tries, because pip comes next.
UV_DEFAULTS = {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true", "UV_HTTP_RETRIES": "1"}
#: The step of which pip says nothing until it is done.
UNPACKING = "Unpacking"
#: Lines of pip's errors that are shown.
MAX_ERROR_LINES = 20


class InstallFailed(Exception):
    """Packages could not be installed; the text says why."""


class Progress:
    """One line that is written over on a terminal, and now and then a line elsewhere."""

    def __init__(self, output: IO[str]) -> None:
        self._output, self._is_terminal = output, output.isatty()
        self._began, self._shown = time.monotonic(), float("-inf")

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def show(self, text: str, *, is_new: bool = False) -> None:
        """Show how far the work is; `is_new` where it is another step."""
        line = f"{text} ({self.elapsed_s:.0f} s)"
        if self._is_terminal:
            self._write(f"\r\033[K{line}")
        elif is_new or self.elapsed_s - self._shown >= LINE_INTERVAL_S:
            self._shown = self.elapsed_s
            self._write(f"{line}\n")

    def end(self, text: str) -> None:
        """Replace the line by what was done."""
        self._write(f"\r\033[K{text}\n" if self._is_terminal else f"{text}\n")

    def _write(self, text: str) -> None:
        self._output.write(text)
        self._output.flush()


def main(words: Sequence[str] | None = None) -> int:
    """Install, and return the exit status: 2 where a stack could not be started, 1 where packages are missing."""
    parser = argparse.ArgumentParser(prog="python3 -m devstack.install")
    parser.add_argument("list", metavar="LIST", help="embedded, dev, s3 or dataset")
    parser.add_argument("--serve", action="store_true", help="look first whether a stack could be started")
    arguments = parser.parse_args(words)
    obstacle = find_obstacle() if arguments.serve else None
    if obstacle:
        print(obstacle, file=sys.stderr)
        return UNUSABLE
    try:
        install(ROOT / f"requirements-{arguments.list}.lock", Progress(sys.stdout))
    except InstallFailed as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\nInterrupted: the same command goes on.", file=sys.stderr)
        return FAILED
    return 0


def find_obstacle() -> str | None:
    """The line for settings that cannot be used, or for a port or network that is in use; None without either."""
    try:
        values = configuration.read_stack(os.environ)
    except configuration.ConfigurationError as error:
        return str(error)
    return ports.conflict(values[stack.NETWORK], values[stack.PORT])


def install(lock: Path, progress: Progress) -> None:
    """Install the packages of this lock into .venv, which is made where it is missing. Raises InstallFailed."""
    uv, number = shutil.which("uv"), count_packages(lock)
    if not uv or not _install_by_uv(uv, lock, number, progress):
        _install_by_pip(lock, number, progress)
    progress.end(f"Installed {number} packages in {progress.elapsed_s:.1f} s.")


def count_packages(lock: Path) -> int:
    """How many packages the lock has, those for other systems included."""
    return sum("==" in line and not line.startswith((" ", "#")) for line in lock.read_text("utf-8").splitlines())


def _install_by_uv(uv: str, lock: Path, number: int, progress: Progress) -> bool:
    """Whether uv has installed them."""
    progress.show(f"Installing {number} packages with uv", is_new=True)
    create = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(VENV)]
    words = ["--quiet", "--python", str(PYTHON), "--no-deps", "--require-hashes", "--compile-bytecode"]
    commands = [*([] if PYTHON.exists() else [create]), [uv, "pip", "install", *words, "-r", str(lock)]]
    for command in commands:
        answer = subprocess.run(command, env=UV_DEFAULTS | os.environ, capture_output=True, text=True, check=False)
        if answer.returncode:
            progress.end(f"uv cannot install them: {_last_lines(answer.stderr)}")
            return False
    return True


def _install_by_pip(lock: Path, number: int, progress: Progress) -> None:
    progress.show(
        f"Installing {number} packages with pip; with uv (https://docs.astral.sh/uv/) it is faster", is_new=True
    )
    pip = _prepared_pip()
    words = ["--no-deps", "--require-hashes", "--no-compile", "--progress-bar", "off", "--disable-pip-version-check"]
    command = [*pip, "install", *words, "-r", str(lock)]
    lines: deque[str] = deque(maxlen=MAX_ERROR_LINES)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for text in steps(_noted(process.stdout or (), lines), number):
            progress.show(text, is_new=text.startswith(UNPACKING))
    if process.returncode:
        raise InstallFailed("pip cannot install them:\n" + "".join(lines).rstrip())
    progress.show("Compiling", is_new=True)
    subprocess.run([str(PYTHON), "-m", "compileall", "-q", "-j", "0", str(VENV / "lib")], check=False)


def _noted(output: Iterable[str], lines: deque[str]) -> Iterator[str]:
    """The lines of an output, of which the last ones are noted."""
    for line in output:
        lines.append(line)
        yield line


def steps(output: Iterable[str], number: int) -> Iterator[str]:
    """What pip is at, line after line of its output."""
    looked_at = 0
    for line in output:
        if line.startswith("Collecting "):
            looked_at += 1
            yield f"Fetching {looked_at} of {number}: {line.split()[1].partition('=')[0]}"
        elif line.startswith("Installing collected packages"):
            yield f"{UNPACKING} {looked_at} packages"


def _prepared_pip() -> list[str]:
    """The command of a pip that installs into .venv, which is made where it is missing. Raises InstallFailed."""
    if _has_pip(PYTHON):
        return [str(PYTHON), "-m", "pip"]
    own = own_pip()
    options = ["--without-pip"] if own else []
    answer = subprocess.run(
        [sys.executable, "-m", "venv", *options, str(VENV)], capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise InstallFailed(
            f"{VENV} cannot be made: {_last_lines(answer.stdout + answer.stderr)}\nOn Debian and Ubuntu, `sudo apt "
            "install python3-venv` brings what is missing."
        )
    return [*own, "--python", str(PYTHON)] if own else [str(PYTHON), "-m", "pip"]


def own_pip() -> list[str]:
    """The command of the pip beside this Python, where it can install for another one: .venv is made sooner without
    one of its own. Empty where it cannot."""
    if importlib.util.find_spec("pip") is None:
        return []
    version = importlib.metadata.version("pip")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    return [sys.executable, "-m", "pip"] if numbers >= MIN_PIP else []


def _has_pip(python: Path) -> bool:
    if not python.exists():
        return False
    answer = subprocess.run([python, "-c", "import pip"], capture_output=True, check=False)
    return answer.returncode == 0


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-MAX_ERROR_LINES:])


if __name__ == "__main__":
    sys.exit(main())
