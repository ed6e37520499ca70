"""The users of data nodes and Sentinels: their passwords, and the access control lists that accept them.

`make run` writes both with this module, and deploy/init does the same for Compose.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template

from agents.secrets import NODE, REPLICA, SENTINEL, Secrets
from configuration import ROOT
from exactly_once.client import Address

#: Besides those of servers and agents: of the API instances and their cache, of those that measure, of backups, and of
#: operators.
API, CACHE, EXPORTER, BACKUP, OPERATOR = "api", "cache", "exporter", "backup", "operator"
USERS = (API, CACHE, REPLICA, SENTINEL, NODE, EXPORTER, BACKUP, OPERATOR)
#: Those that Sentinels know too, with the same passwords: all but the data nodes among themselves.
SENTINEL_USERS = tuple(user for user in USERS if user != REPLICA)
NODE_RULES = ROOT / "deploy" / "redis" / "users.acl"
SENTINEL_RULES = ROOT / "deploy" / "sentinel" / "users.acl"
PASSWORD_BYTES = 32

#: The passwords of each user that are accepted: one, and two while it is rotated.
Passwords = Mapping[str, Sequence[str]]


def new_password() -> str:
    """A random password without a character that any of the files would need quoted."""
    return secrets.token_hex(PASSWORD_BYTES)


def digest(password: str) -> str:
    """A password as a list holds it: without a way back."""
    return f"#{hashlib.sha256(password.encode()).hexdigest()}"


def read_passwords(files: Secrets) -> dict[str, str]:
    """The present password of each user. Raises OSError."""
    return {user: files.password(user) for user in USERS}


def lists(files: Secrets, store: str, passwords: Passwords) -> Mapping[Path, str]:
    """The texts of the lists of data nodes and Sentinels by file; `store` is the name of the store whose keys the users
    may use, as a glob."""
    return {
        files.node_rules: rules(NODE_RULES, store, passwords),
        files.sentinel_rules: rules(SENTINEL_RULES, store, passwords),
    }


def exporter_passwords(servers: Iterable[Address], password: str) -> str:
    """What redis_exporter reads: the password for each address, without TLS and by TLS, with the user in the address,
    and without for version 1.45."""
    users, schemes = (f"{EXPORTER}@", ""), ("redis", "rediss")
    names = [f"{scheme}://{user}{address}" for address in servers for user in users for scheme in schemes]
    return json.dumps(dict.fromkeys(names, password))


def rules(template: Path, store: str, passwords: Passwords) -> str:
    """The access control list of this template."""
    digests = {f"{user.upper()}_PASSWORDS": " ".join(map(digest, each)) for user, each in passwords.items()}
    lines = [line for line in template.read_text().splitlines() if line and not line.startswith("#")]
    return Template("\n".join([*lines, ""])).substitute(EVERGREEN_STORE=store, **digests)
