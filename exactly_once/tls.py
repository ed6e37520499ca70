"""TLS on connections to data nodes and Sentinels."""

import functools
import socket
import ssl
from pathlib import Path

from redis.exceptions import ConnectionError as Disconnected


def connect(wire: socket.socket, host: str, authority: Path) -> ssl.SSLSocket:
    """Return the connection, encrypted, after the server has proved by a certificate of this authority that the address
    is its own. Raises redis's ConnectionError, and TimeoutError; the socket is closed then."""
    try:
        return _context(authority, authority.stat().st_mtime_ns).wrap_socket(wire, server_hostname=host)
    except TimeoutError:
        wire.close()
        raise
    except OSError as error:
        wire.close()
        raise Disconnected(f"no TLS with {host} by {authority}: {error}") from error


@functools.lru_cache(maxsize=8)
def _context(authority: Path, modified_ns: int) -> ssl.SSLContext:
    """The settings of TLS with this authority, made once for each version of the file."""
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
