"""One POST to an address that was resolved once and admitted: no redirect is followed, and no proxy is asked."""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from shop.domain.webhook_urls import WebhookPolicy

#: Seconds for the whole exchange, behind the look-up of the name.
POST_TIMEOUT_S = 10.0
_PORTS = {"https": 443, "http": 80}


class PostFailed(Exception):
    """There was no answer. `reason` is one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a URL leads: the name that the certificate must have, and the address that is called."""

    host: str
    port: int
    address: str
    path: str
    is_encrypted: bool


def resolve(url: str, policy: WebhookPolicy) -> Target:
    """Look the host of a URL up, once.

    Raises:
        PostFailed: `name-not-found`, or `forbidden-address` where webhooks may go to none of its addresses.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    is_encrypted = parts.scheme == "https"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise PostFailed("name-not-found") from error
    addresses = [str(info[4][0]) for info in found]
    admitted = next((each for each in addresses if policy.admits(each, is_encrypted=is_encrypted)), None)
    if admitted is None:
        raise PostFailed("forbidden-address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host=host, port=port, address=admitted, path=path, is_encrypted=is_encrypted)


def post(target: Target, body: bytes, headers: Mapping[str, str], timeout_s: float = POST_TIMEOUT_S) -> int:
    """Send the body, and return the status of the answer. What the answer says is not read.

    Raises:
        PostFailed: `timeout`, `tls`, `no-connection` or `no-answer`.
    """
    connection = _Connection(target, timeout_s)
    # A server that sends one byte now and then would reset the timeout of the socket each time.
    deadline = threading.Timer(timeout_s, connection.cut_off)
    deadline.daemon = True
    deadline.start()
    try:
        connection.request("POST", target.path, body, dict(headers))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise PostFailed(_reason(error, connection)) from error
    finally:
        deadline.cancel()
        connection.close()
    if connection.is_cut_off:
        # The parser takes the end of the connection for that of the headers.
        raise PostFailed("timeout")
    return status


class _Connection(http.client.HTTPConnection):
    """A connection to the address of a target, under its name."""

    def __init__(self, target: Target, timeout_s: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout_s)
        self._target = target
        self.is_cut_off = self.is_connected = False
        self.default_port = _PORTS["https" if target.is_encrypted else "http"]

    def connect(self) -> None:
        self._use(socket.create_connection((self._target.address, self._target.port), self.timeout))
        self.is_connected = True
        if self._target.is_encrypted:
            # The handshake follows once the socket can be cut off.
            name = self._target.host
            self._use(_tls().wrap_socket(self.sock, server_hostname=name, do_handshake_on_connect=False))
            self.sock.do_handshake()

    def _use(self, sock: socket.socket) -> None:
        self.sock: Any = sock
        # `cut_off` sets the flag before it reads the socket: one of both threads sees what the other one did.
        if self.is_cut_off:
            raise TimeoutError

    def cut_off(self) -> None:
        """End the exchange, from another thread."""
        self.is_cut_off = True
        if self.sock is not None:
            try:
                # That of an SSLSocket would first send what follows without encryption.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
            except OSError:
                return


def _reason(error: Exception, connection: _Connection) -> str:
    if connection.is_cut_off or isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLError):
        return "tls"
    return "no-answer" if connection.is_connected else "no-connection"


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
