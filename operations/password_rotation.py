"""Rotation of the passwords of data nodes and Sentinels while everything serves.

Each user has two passwords meanwhile: every server accepts the new one before a client gets it, and the former one
until no client uses it any more. Connections that are open stay open: a server asks for a password when they begin.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.secrets import REPLICA, SENTINEL, Secrets
from exactly_once.client import Address, Command, ErrorReply, Nodes
from exactly_once.errors import ServerError
from operations import store_users

TIMEOUT_S = 1.0
#: For a client that has read the former password and has not sent it yet, in seconds.
GRACE_S = 2.0


class RotationFailed(Exception):
    """A server did not take a password. Both passwords of each user are accepted where the text does not say otherwise:
    once the server is there, rotate again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """Replaces every password of a store. `nodes` are called as the operator; `store` is as in `store_users.lists`."""

    files: Secrets
    store: str
    primary_name: str
    data_nodes: Sequence[Address]
    sentinels: Sequence[Address]
    nodes: Nodes

    def run(self, watch: Callable[[str], None]) -> None:
        """Rotate all passwords; `watch` gets a line for each step. Raises RotationFailed and OSError."""
        former = store_users.read_passwords(self.files)
        new = {user: store_users.new_password() for user in store_users.USERS}
        self._write_lists({user: (former[user], new[user]) for user in former})
        self._tell_every_server(lambda user: (store_users.digest(new[user]),))
        watch(f"{len(self.data_nodes)} data nodes and {len(self.sentinels)} Sentinels accept the new passwords")
        for user, password in new.items():
            overwrite(self.files.password_file(user), password)
        servers = (*self.data_nodes, *self.sentinels)
        overwrite(self.files.exporter_passwords, store_users.exporter_passwords(servers, new[store_users.EXPORTER]))
        self._hand_out(new)
        watch("Clients and servers have the new passwords")
        time.sleep(GRACE_S)
        self._write_lists({user: (password,) for user, password in new.items()})
        # Not the former one alone: after a rotation that failed there may be others.
        self._tell_every_server(lambda user: ("resetpass", store_users.digest(new[user])))
        watch("The former passwords are not accepted any more")

    def _write_lists(self, passwords: store_users.Passwords) -> None:
        """Write what a server that restarts now accepts."""
        for file, text in store_users.lists(self.files, self.store, passwords).items():
            overwrite(file, text)

    def _tell_every_server(self, change: Callable[[str], Sequence[str]]) -> None:
        """Change the passwords that each user has on each server by the rules that `change` returns for the user."""
        for address, users in self._servers():
            self._run(address, *(("ACL", "SETUSER", user, *change(user)) for user in users))

    def _servers(self) -> Iterator[tuple[Address, Sequence[str]]]:
        yield from ((address, store_users.USERS) for address in self.data_nodes)
        yield from ((address, store_users.SENTINEL_USERS) for address in self.sentinels)

    def _hand_out(self, new: Mapping[str, str]) -> None:
        """Give servers, which read no file again, the passwords with which they call each other."""
        for address in self.data_nodes:
            self._run(address, ("CONFIG", "SET", "masterauth", new[REPLICA]))
        for address in self.sentinels:
            self._run(
                address,
                ("SENTINEL", "SET", self.primary_name, "auth-pass", new[SENTINEL]),
                ("SENTINEL", "CONFIG", "SET", "sentinel-pass", new[SENTINEL]),
            )

    def _run(self, address: Address, *commands: Command) -> None:
        try:
            self.nodes[address].run(*commands, timeout=TIMEOUT_S)
        except (ServerError, ErrorReply) as error:
            raise RotationFailed(f"{address} does not take its part ({error}): start it, and rotate again.") from error


def overwrite(file: Path, text: str) -> None:
    """Write the text into the file that is there. A new file in its place would not reach a container into which the
    former one is mounted."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as opened:
        opened.write(text)
        opened.truncate()
        opened.flush()
        os.fsync(opened.fileno())
