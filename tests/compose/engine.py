"""A Docker engine for the tests: the machine's own, or one that a script beside the repository starts."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from configuration import ROOT

SCRIPT = "../shared/engine/engine"
#: Where an engine has no access to the official images, a script starts one with these in their place.
STANDINS = {
    "PYTHON_IMAGE": "standin/python",
    "REDIS_IMAGE": "standin/redis",
    "NGINX_IMAGE": "standin/nginx",
    "PROMETHEUS_IMAGE": "standin/prometheus",
    "ALERTMANAGER_IMAGE": "standin/alertmanager",
    "REDIS_EXPORTER_IMAGE": "standin/redis-exporter",
    "NGINX_EXPORTER_IMAGE": "standin/nginx-exporter",
    "EVERGREEN_BUILD_NETWORK": "host",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """How docker is called, and what the deployment's settings say because of the engine."""

    environment: Mapping[str, str]
    settings: Mapping[str, str]

    def docker(self, *words: str, patience: float = 120.0) -> str:
        """What docker answers. Raises AssertionError, with everything that it said, where it fails."""
        answer = subprocess.run(
            ["docker", *words], env=self.environment, capture_output=True, text=True, timeout=patience, check=False
        )
        assert answer.returncode == 0, f"docker {' '.join(words)}\n{answer.stdout}{answer.stderr}"
        return answer.stdout


def find() -> Engine | None:
    """The engine of this machine, or None."""
    script = (ROOT / os.environ.get("EVERGREEN_ENGINE", SCRIPT)).resolve()
    if script.exists():
        return _started_by(script)
    engine = Engine(environment=dict(os.environ), settings={})
    return engine if shutil.which("docker") and _answers(engine) else None


def _started_by(script: Path) -> Engine | None:
    said = subprocess.run([script, "env"], capture_output=True, text=True, check=True).stdout
    name, _, value = said.strip().removeprefix("export ").partition("=")
    engine = Engine(environment={**os.environ, name: value}, settings=STANDINS)
    return engine if shutil.which("docker") and _answers(engine) else None


def _answers(engine: Engine) -> bool:
    try:
        engine.docker("version")
        engine.docker("compose", "version")
    except (AssertionError, subprocess.TimeoutExpired):
        return False
    return True
