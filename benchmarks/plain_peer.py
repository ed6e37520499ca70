"""The plain peer as the other side: nginx and two gunicorns of the shop's settings, and one Redis."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from benchmarks.sides import START_TIMEOUT_S, Side, products_for_sale
from devstack import render, servers
from devstack.edge import NO_LIMITS
from devstack.layout import INSTANCES, NGINX, Layout
from devstack.settings import ROOT, Settings
from shop.domain.products import Product
from shop.repositories.records import PRODUCT

TOKEN = "token"
CONFIGURATION = ROOT / "benchmarks" / "peer" / "gunicorn.conf.py"
RETRY_S, RETRIES, POLL_S = 0.1, 100, 0.1
#: Below the range from which the system takes the ports of connections, and above the ports of temporary stacks.
PORTS = range(28_500, 32_000)


@contextlib.contextmanager
def peer() -> Iterator[Side]:
    """Run the peer, filled, in a directory of its own."""
    products = products_for_sale()
    nginx_port, redis_port = _free_ports(2)
    with tempfile.TemporaryDirectory(prefix="evergreen-peer-") as directory, contextlib.ExitStack() as processes:
        layout = Layout(settings=Settings(run=Path(directory), port=nginx_port, address_limits=NO_LIMITS))
        _write_nginx(layout)
        pids = {
            kind: [processes.enter_context(_process(command, variables, layout)) for command, variables in some]
            for kind, some in _commands(layout, redis_port).items()
        }
        _fill(redis_port, products)
        _wait_until_open(layout)
        yield Side(port=nginx_port, processes=pids, token=TOKEN, products=[product.id for product in products])


def _write_nginx(layout: Layout) -> None:
    directory = layout.directory(NGINX)
    (directory / "watched").mkdir(parents=True)
    for name, text in render.nginx_files(layout).items():
        (directory / name).write_text(text)


def _commands(layout: Layout, redis_port: int) -> Mapping[str, Sequence[tuple[Sequence[str], Mapping[str, str]]]]:
    """The commands with their variables, by kind of process."""
    programs, directory = servers.find(layout.settings), str(layout.run)
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", str(CONFIGURATION), "benchmarks.peer.wsgi"]
    variables = {"PEER_REDIS_PORT": str(redis_port)}
    return {
        "redis": [([str(programs.redis), "--port", str(redis_port), "--dir", directory, "--appendonly", "yes"], {})],
        "api": [(gunicorn, {**variables, "GUNICORN_BIND": f"unix:{layout.socket(name)}"}) for name in INSTANCES],
        NGINX: [(render.command(layout, programs, NGINX), {})],
    }


@contextlib.contextmanager
def _process(command: Sequence[str], variables: Mapping[str, str], layout: Layout) -> Iterator[int]:
    with (layout.run / "output.log").open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **variables}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _fill(port: int, products: Sequence[Product]) -> None:
    client = redis.Redis(port=port, retry=Retry(ConstantBackoff(RETRY_S), RETRIES))
    client.set(f"token:{TOKEN}", "customer")
    for product in products:
        record = {**PRODUCT.texts(product), "price": str(product.price)}
        instants = {name: getattr(product, name).isoformat() for name in ("created_at", "updated_at")}
        client.hset(
            f"product:{product.id}", mapping={name: str(value) for name, value in {**record, **instants}.items()}
        )
        client.zadd("products", {product.id: product.created_at.timestamp()})


def _wait_until_open(layout: Layout) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while not (all(layout.socket(name).exists() for name in INSTANCES) and _is_open(layout.nginx.port)):
        if time.monotonic() > end:
            lines = (layout.run / "output.log").read_text(errors="replace").splitlines()[-20:]
            sys.exit("\n".join([f"The peer does not start within {START_TIMEOUT_S:.0f} s:", *lines]))
        time.sleep(POLL_S)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> Sequence[int]:
    """Ports of 127.0.0.1 that no server listens at and no client is given by the system."""
    return list(islice(filter(_is_free, PORTS), count))


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
