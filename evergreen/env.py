"""The environment, read once and typed: the only reader of os.environ.

A value comes from the environment; or from the file that its name with `_FILE` names; or, where no Sentinels are named
at all, from the file that an embedded stack has written.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from environs import EnvValidationError, FileAwareEnv, ValidationError, validate

ROOT = Path(__file__).resolve().parent.parent
SHORTEST_SECRET = 50
DURABILITIES = ("memory", "replicated", "fsynced")
HERE = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """What the environment says; an empty `secret_key` or `sentinels` where it says nothing about them."""

    secret_key: str
    hosts: tuple[str, ...]
    master_name: str
    sentinels: tuple[tuple[str, int], ...]
    store: str
    durability: str
    replicas: int
    write_deadline: float
    waiting_writes: int
    instance: str
    redis_server: str
    source_address: str

    def require(self) -> None:
        """Raises: ImproperlyConfigured, which names everything without which the shop cannot be served."""
        missing = []
        if not self.secret_key:
            missing.append(f"SECRET_KEY is missing: set it to a random text of at least {SHORTEST_SECRET} characters.")
        if not self.master_name:
            missing.append("REDIS_MASTER_NAME is missing: give the name by which the Sentinels know the store.")
        if not self.sentinels:
            missing.append("REDIS_SENTINEL is missing: name the Sentinels, as host:port,host:port,host:port.")
        if missing:
            raise ImproperlyConfigured("\n".join(missing))


def read() -> Environment:
    """The environment as it is.

    Raises:
        ImproperlyConfigured: some values cannot be used; all of them are named, each with what is wrong.
    """
    env = _Reader(eager=False, strip_whitespace=True)
    if not any(os.environ.get(name) for name in ("REDIS_SENTINEL", "REDIS_SENTINEL_FILE")):
        env.read_env(Path(os.environ.get("EVERGREEN_RUN") or ROOT / ".run") / "env", recurse=False)
    values = _values(env)
    try:
        env.seal()
    except EnvValidationError as error:
        raise ImproperlyConfigured(_plain(error)) from None
    return Environment(**values)


def _values(env: FileAwareEnv) -> dict[str, Any]:
    return {
        "secret_key": env.str("SECRET_KEY", "", validate=_strong),
        "hosts": tuple(env.list("EVERGREEN_HOSTS", list(HERE))),
        "master_name": env.str("REDIS_MASTER_NAME", "evergreen"),
        "sentinels": _addresses(env.list("REDIS_SENTINEL", [], validate=_addresses)),
        "store": env.str("EVERGREEN_STORE", "evergreen", validate=validate.Regexp(r"^[a-z0-9_-]+$")),
        "durability": env.str("EVERGREEN_DURABILITY", "replicated", validate=validate.OneOf(DURABILITIES)),
        "replicas": env.int("EVERGREEN_REPLICAS", 2, validate=validate.Range(min=0)),
        "write_deadline": env.float("EVERGREEN_WRITE_DEADLINE", 10.0, validate=validate.Range(min=0.1)),
        "waiting_writes": env.int("EVERGREEN_WAITING_WRITES", 400, validate=validate.Range(min=1)),
        "instance": env.str("EVERGREEN_INSTANCE", socket.gethostname()),
        "redis_server": env.str("EVERGREEN_REDIS_SERVER", ""),
        "source_address": env.str("EVERGREEN_SOURCE_ADDRESS", "", validate=_an_address),
    }


class _Reader(FileAwareEnv):
    def _get_value(self, env_key: str, default: Any) -> Any:
        # An unreadable file is one fault among others here, not the end of reading.
        try:
            return super()._get_value(env_key, default)
        except ValueError as error:
            self._errors[env_key].append(str(error))
            return default


def _strong(secret: str) -> None:
    if secret and len(secret) < SHORTEST_SECRET:
        raise ValidationError(f"Too weak: use a random text of at least {SHORTEST_SECRET} characters.")


def _an_address(text: str) -> None:
    try:
        if text:
            ip_address(text)
    except ValueError:
        raise ValidationError(f"{text} is no address: write one of this machine's, as in 10.0.0.31.") from None


def _addresses(entries: list[str] | None) -> tuple[tuple[str, int], ...]:
    found = []
    for entry in filter(None, (entry.strip() for entry in entries or ())):
        host, _, port = entry.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
            raise ValidationError(f"{entry} is no address: write host:port,host:port,host:port.")
        found.append((host, int(port)))
    return tuple(found)


def _plain(error: EnvValidationError) -> str:
    faults = error.error_messages if isinstance(error.error_messages, Mapping) else {}
    return "\n".join(f"{name}: {' '.join(map(str, messages))}" for name, messages in sorted(faults.items()))
