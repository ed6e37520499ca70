"""podman with a place of its own for everything."""

import os
import subprocess
from pathlib import Path

COMMAND_S = 120.0
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class Podman:
    """podman with images, networks and containers of its own."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        (directory / "containers.conf").write_text(CONTAINERS_CONF)
        self._environment = {**os.environ, "CONTAINERS_CONF": str(directory / "containers.conf")}
        places = (("root", "root"), ("runroot", "run"), ("tmpdir", "tmp"), ("network-config-dir", "networks"))
        self._options = [f"--{option}={directory / name}" for option, name in places]

    def __call__(self, *words: str, limit_s: float = COMMAND_S) -> str:
        """What podman writes. Raises AssertionError where it fails."""
        answer = self._run(*words, limit_s=limit_s)
        assert answer.returncode == 0, f"podman {' '.join(words)}\n{answer.stdout}{answer.stderr}"
        return answer.stdout

    def succeeds(self, *words: str, limit_s: float) -> bool:
        """Whether it ends well, and in time."""
        try:
            return self._run(*words, limit_s=limit_s).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def _run(self, *words: str, limit_s: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["podman", *self._options, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
