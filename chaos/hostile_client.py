"""A hostile client: slow bodies, idle connections, wrong sign-ins and refused purchases from one address, at once.

It is a process of its own with the lowest priority: a real one has a machine of its own, and takes no processor from
the shop. It is raw sockets and few words, because two cores serve it, the other clients and the shop.
"""

import asyncio
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from devstack import edge
from exactly_once.client import Address

#: The load stands for many clients, and comes from one address: no rate limit counts for it. All count for this one.
LOAD_ADDRESS, HOSTILE_ADDRESS = "127.0.0.1", "127.66.6.6"
LIMITS = edge.DEFAULT_LIMITS._replace(unlimited=(LOAD_ADDRESS,))
#: What it holds open, and what it sends a second.
SLOW_BODIES, IDLE_CONNECTIONS = 200, 2_000
SIGN_INS_PER_S, PURCHASES_PER_S = 500, 500
#: In which a connection of it sends this many requests, the next one without waiting for the answer before.
BURST, BURSTS_PER_S = 50, 10
#: Between two bytes of a slow body.
SLOW_BYTE_S = 2.0
LOWEST_PRIORITY = 19
END_TIMEOUT_S = 5.0
RECONNECT_S = 0.05
_SIGN_IN = b'{"email":"ada@example.com","password":"a wrong password"}'
_PURCHASE = b'{"items":[{"product":"019a6e30-1b58-7f10-8c2d-0a1b2c3d4e5f","quantity":1}]}'


@contextmanager
def attack(nginx: Address, token: str) -> Iterator[None]:
    """Attack from HOSTILE_ADDRESS, with the token of a customer, while the block runs."""
    command = [sys.executable, "-m", "chaos.hostile_client", nginx.host, str(nginx.port), HOSTILE_ADDRESS]
    attacker = subprocess.Popen(["nice", "-n", str(LOWEST_PRIORITY), *command], stdin=subprocess.PIPE)
    try:
        assert attacker.stdin
        # Not an argument: those can be read by every user of the machine.
        attacker.stdin.write(f"{token}\n".encode())
        attacker.stdin.close()
        yield
    finally:
        attacker.kill()
        attacker.wait(END_TIMEOUT_S)


async def _attack(nginx: Address, source: str, token: str) -> None:
    host = f"{nginx.host}:{nginx.port}"
    sign_in = _request(host, "/api/v1/auth/token/", _SIGN_IN)
    purchase = _request(host, "/api/v1/purchases/", _PURCHASE, f"Authorization: Bearer {token}\r\n")
    slow = _head(host, "/api/v1/purchases/", 100_000)
    async with asyncio.TaskGroup() as tasks:
        for rate, request in ((SIGN_INS_PER_S, sign_in), (PURCHASES_PER_S, purchase)):
            for _ in range(rate // (BURST * BURSTS_PER_S)):
                tasks.create_task(_flood(nginx, source, request * BURST))
        for _ in range(SLOW_BODIES):
            tasks.create_task(_send_slowly(nginx, source, slow))
        for _ in range(IDLE_CONNECTIONS):
            tasks.create_task(_send_slowly(nginx, source, b""))
            await asyncio.sleep(0)


async def _flood(nginx: Address, source: str, burst: bytes) -> None:
    """Send bursts at a rate that does not depend on the answers."""
    loop = asyncio.get_running_loop()
    # Bound: none; the process is ended.
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(*nginx, local_addr=(source, 0))
            answers = loop.create_task(_discard(reader))
            while not answers.done():
                writer.write(burst)
                await asyncio.sleep(1 / BURSTS_PER_S)
            writer.close()
        await asyncio.sleep(RECONNECT_S)


async def _send_slowly(nginx: Address, source: str, head: bytes) -> None:
    """Hold a connection on which a body never ends, or a request never begins; open it again where it is closed."""
    # Bound: none; the process is ended.
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(*nginx, local_addr=(source, 0))
            writer.write(head)
            closed = asyncio.get_running_loop().create_task(_discard(reader))
            while not closed.done():
                await asyncio.wait([closed], timeout=SLOW_BYTE_S)
                if head:
                    writer.write(b" ")
            writer.close()
        await asyncio.sleep(SLOW_BYTE_S)


async def _discard(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(1 << 16):
            pass


def _request(host: str, path: str, body: bytes, headers: str = "") -> bytes:
    return _head(host, path, len(body), headers) + body


def _head(host: str, path: str, length: int, headers: str = "") -> bytes:
    lines = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{headers}"
    return f"{lines}Content-Length: {length}\r\n\r\n".encode()


def _raise_file_limit() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    _raise_file_limit()
    asyncio.run(_attack(Address(sys.argv[1], int(sys.argv[2])), sys.argv[3], sys.stdin.readline().strip()))
