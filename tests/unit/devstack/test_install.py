import io
import os
import socket
from pathlib import Path

import pytest

from devstack import install, ports
from tests.architecture.sources import ROOT

LOCK = """\
# Two packages.
redis==8.1.0 \\
    --hash=sha256:00
rich==15.0.0 ; sys_platform == 'linux' \\
    --hash=sha256:00
"""
RECORD = '#!/bin/sh\necho "$0 $@" >>"$(dirname "$0")/calls"\n'


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock, and a directory of programs that is the whole path."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    file = tmp_path / "requirements-embedded.lock"
    file.write_text(LOCK)
    return file


def put(lock: Path, name: str, text: str) -> Path:
    program = lock.parent / "programs" / name
    program.write_text(text)
    program.chmod(0o755)
    return program


def calls(lock: Path) -> list[str]:
    return (lock.parent / "programs" / "calls").read_text().splitlines()


def put_pip(lock: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(install, "_prepared_pip", lambda: [str(put(lock, "pip", text))])
    python = lock.parent / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/true")


def test_uv_installs_the_lock_by_its_hashes(lock):
    put(lock, "uv", RECORD)
    install.install(lock, install.Progress(io.StringIO()))
    created, installed = calls(lock)
    assert "uv venv " in created
    assert "uv pip install " in installed
    assert "--require-hashes" in installed
    assert installed.endswith(f"-r {lock}")


def test_pip_installs_the_lock_by_its_hashes_where_uv_cannot(lock, monkeypatch):
    put(lock, "uv", "#!/bin/sh\necho no network >&2\nexit 2\n")
    put_pip(lock, monkeypatch, RECORD)
    output = io.StringIO()
    install.install(lock, install.Progress(output))
    (called,) = calls(lock)
    assert called.endswith(f"-r {lock}")
    assert "--require-hashes" in called
    assert "uv cannot install them: no network" in output.getvalue()


def test_a_failed_pip_says_what_pip_said(lock, monkeypatch):
    put_pip(lock, monkeypatch, "#!/bin/sh\necho Hashes do not match\nexit 1\n")
    with pytest.raises(install.InstallFailed, match="Hashes do not match"):
        install.install(lock, install.Progress(io.StringIO()))


def test_progress_of_pip_is_counted_by_package():
    lines = [
        "Collecting redis==8.1.0 (from -r lock)\n",
        "  Using cached redis\n",
        "Installing collected packages: redis\n",
    ]
    assert list(install.steps(lines, 2)) == ["Fetching 1 of 2: redis", "Unpacking 1 packages"]


def test_packages_of_a_lock_are_counted(lock):
    assert install.count_packages(lock) == 2


def test_a_terminal_has_one_line_that_is_written_over():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    output = Terminal()
    progress = install.Progress(output)
    progress.show("Fetching 1 of 2: redis", is_new=True)
    progress.show("Fetching 2 of 2: rich")
    assert output.getvalue() == "\r\033[KFetching 1 of 2: redis (0 s)\r\033[KFetching 2 of 2: rich (0 s)"


def test_a_port_in_use_ends_the_command_before_anything_is_installed(lock, monkeypatch, capsys):
    with socket.create_server((ports.HOST, 0)) as listener:
        for name, value in (
            ("PORT", str(listener.getsockname()[1])),
            ("NETWORK", "127.24.5"),
            ("RUN", str(lock.parent)),
        ):
            monkeypatch.setenv(f"EVERGREEN_{name}", value)
        monkeypatch.setattr(install, "install", lambda *_: pytest.fail("something was installed"))
        assert install.main(["embedded", "--serve"]) == install.UNUSABLE
    assert capsys.readouterr().err.count("\n") == 1


def test_every_goal_of_the_makefile_installs_by_this_program():
    assert "pip install" not in (ROOT / "Makefile").read_text("utf-8")
    assert os.access(ROOT / "manage.py", os.X_OK)
