"""The directory with the passwords of a store's users, and the access control lists of its servers.

`devstack/secrets.py` writes it for `make run`, and deploy/init for Compose, where each container gets those of its
files that it needs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.certificates import Certificate
from exactly_once.credentials import Credentials

#: The users of the lists that agents and servers are: beside a server, between data nodes, and between Sentinels.
NODE, REPLICA, SENTINEL = "node", "replica", "sentinel"


@dataclass(frozen=True, slots=True)
class Secrets:
    """The files of such a directory by name."""

    directory: Path
    #: The authority of the servers' certificates, where they are called by TLS.
    authority: Path | None = None

    @property
    def node_rules(self) -> Path:
        """The access control list of a data node."""
        return self.directory / "redis_acl"

    @property
    def sentinel_rules(self) -> Path:
        """The access control list of a Sentinel."""
        return self.directory / "sentinel_acl"

    @property
    def exporter_passwords(self) -> Path:
        """The passwords of redis_exporter, for each server."""
        return self.directory / "redis_exporter_passwords"

    def password_file(self, user: str) -> Path:
        return self.directory / f"redis_password_{user}"

    def credentials(self, user: str) -> Credentials:
        return Credentials(user, self.password_file(user), self.authority)

    def password(self, user: str) -> str:
        """The password of this user, for a server that must have it in its configuration. Raises OSError."""
        return self.password_file(user).read_text().strip()


def with_secrets(words: dict[str, Any]) -> dict[str, Any]:
    """Return the words of a command line with the directory in `secrets`, and the path in `certificate` where there is
    one, replaced by what they hold."""
    certificate = Certificate(words["certificate"]) if words["certificate"] else None
    secrets = Secrets(words["secrets"], certificate.authority if certificate else None)
    return {**words, "secrets": secrets, "certificate": certificate}
