"""HTTP over a socket in the file system."""

import http.client
import socket
import ssl
from pathlib import Path

from devstack.layout import Layout


class UnixConnection(http.client.HTTPConnection):
    """A connection to the HTTP server behind a socket in the file system; no call takes longer than `timeout_s`. With a
    `context`, it is encrypted, and the server proves that its name is the file's."""

    def __init__(self, path: Path, timeout_s: float, context: ssl.SSLContext | None = None) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path, self._timeout_s, self._context = path, timeout_s, context

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._timeout_s)
        self.sock.connect(str(self._path))
        if self._context:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self._path.stem)


def instance_connection(layout: Layout, name: str, timeout_s: float) -> UnixConnection:
    """Return a connection to this API instance, by TLS where the stack uses it."""
    context = None
    if layout.authority and layout.authority.exists():
        context = ssl.create_default_context(cafile=layout.authority)
        certificate = layout.certificate("operator")
        context.load_cert_chain(certificate.with_suffix(".pem"), certificate.with_suffix(".key"))
    return UnixConnection(layout.socket(name), timeout_s, context)
