"""The Docker engine of this machine, for the tests of the deployment in containers."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.orphans import is_orphan

#: Names a file of settings (NAME=value) for an engine that has other images than those of deploy/compose.yml.
SETTINGS_FILE = "CONTAINER_SETTINGS"
#: How the names of deployments of the tests begin: with the process that made each.
PROJECT = "evergreen-test-{pid}-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """How docker is called, and what the deployment's settings say because of the engine."""

    environment: Mapping[str, str]
    settings: Mapping[str, str]

    def docker(self, *words: str, timeout_s: float = 120.0) -> str:
        """What docker answers. Raises AssertionError, with everything that it said, where it fails."""
        answer = subprocess.run(
            ["docker", *words], env=self.environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        assert answer.returncode == 0, f"docker {' '.join(words)}\n{answer.stdout}{answer.stderr}"
        return answer.stdout


def remove_orphans(engine: Engine) -> None:
    """Remove the deployments of runs that were killed. Their containers come back with the engine, and no other run can
    have their networks."""
    removals = (
        ("container", ("ps", "--all"), ("rm", "--force", "--volumes")),
        ("network", ("network", "ls"), ("network", "rm")),
        ("volume", ("volume", "ls"), ("volume", "rm")),
    )
    for what, listing, removal in removals:
        name = "{{.Names}}" if what == "container" else "{{.Name}}"
        found = engine.docker(*listing, "--format", name).split()
        if orphans := [each for each in found if is_orphan(each, PROJECT)]:
            engine.docker(*removal, *orphans)


def find() -> Engine | None:
    """The engine that docker talks to, or None."""
    engine = Engine(environment=dict(os.environ), settings=_settings())
    return engine if shutil.which("docker") and _answers(engine) else None


def _settings() -> Mapping[str, str]:
    file = os.environ.get(SETTINGS_FILE)
    lines = Path(file).read_text("utf-8").splitlines() if file else []
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _answers(engine: Engine) -> bool:
    try:
        engine.docker("version")
        engine.docker("compose", "version")
    except (AssertionError, subprocess.TimeoutExpired):
        return False
    return True
