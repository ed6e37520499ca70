"""The passwords of the store's users, made at the first start, and the access control lists that accept them."""

import hashlib
import secrets
from pathlib import Path
from string import Template

from agents.launch import write_private
from agents.secrets import NODE, REPLICA, SENTINEL
from devstack.layout import Layout
from devstack.settings import ROOT

#: Besides those of servers and agents: of the API instances, of those that measure, of backups, and of operators.
API, EXPORTER, BACKUP, OPERATOR = "api", "exporter", "backup", "operator"
USERS = (API, REPLICA, SENTINEL, NODE, EXPORTER, BACKUP, OPERATOR)
NODE_RULES = ROOT / "deploy" / "redis" / "users.acl"
SENTINEL_RULES = ROOT / "deploy" / "sentinel" / "users.acl"
PASSWORD_BYTES = 32


def write_all(layout: Layout) -> None:
    """Write the passwords that are missing, and the lists. A password that is there stays."""
    layout.secrets.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for user in USERS:
        if not layout.secrets.password_file(user).exists():
            write_private(layout.secrets.password_file(user), new_password())
    write_rules(layout, {user: (layout.secrets.password(user),) for user in USERS})


def new_password() -> str:
    return secrets.token_hex(PASSWORD_BYTES)


def write_rules(layout: Layout, passwords: dict[str, tuple[str, ...]]) -> None:
    """Write the lists of data nodes and Sentinels, which accept these passwords of each user."""
    for template, target in ((NODE_RULES, layout.secrets.node_rules), (SENTINEL_RULES, layout.secrets.sentinel_rules)):
        write_private(target, rules(template, layout.settings.accessible_stores, passwords))


def rules(template: Path, store: str, passwords: dict[str, tuple[str, ...]]) -> str:
    """An access control list; `store` is the name of the store whose keys its users may use."""
    digests = {f"{user.upper()}_PASSWORDS": " ".join(map(digest, each)) for user, each in passwords.items()}
    lines = [line for line in template.read_text().splitlines() if line and not line.startswith("#")]
    return Template("\n".join([*lines, ""])).substitute(EVERGREEN_STORE=store, **digests)


def digest(password: str) -> str:
    """A password as a list holds it: without a way back."""
    return f"#{hashlib.sha256(password.encode()).hexdigest()}"
