"""Peers that run: two instances behind the shop's nginx configuration, and one Redis; or nginx alone."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from benchmarks.peers import data
from benchmarks.side import Side
from devstack import render, servers
from devstack.layout import INSTANCES, NGINX, Layout
from devstack.settings import ROOT
from devstack.temporary import free
from shop.domain.products import Product

NETWORK = "127.24"
START_TIMEOUT_S, STOP_TIMEOUT_S, POLL_S = 60.0, 10.0, 0.05
MAX_LOG_LINES = 20
REDIS = "redis-1"
ALONE = Path(__file__).with_name("nginx.conf")


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """How one instance of a peer is started: its words, and further variables, for a socket to listen at."""

    words: Callable[[Path], Sequence[str]]
    variables: Callable[[Path], Mapping[str, str]] = lambda _: {}


def _gunicorn(_: Path) -> Sequence[str]:
    settings = ROOT / "benchmarks" / "peers" / "plain_drf" / "gunicorn.conf.py"
    return [sys.executable, "-m", "gunicorn", "--config", str(settings), "benchmarks.peers.plain_drf.wsgi"]


def _uvicorn(path: Path) -> Sequence[str]:
    quiet = ["--no-access-log", "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", "--uds", str(path), *quiet, "benchmarks.peers.fast_api.app:app"]


PROGRAMS = {
    "plain DRF": Program(words=_gunicorn, variables=lambda path: {"PEER_BIND": f"unix:{path}"}),
    "FastAPI": Program(words=_uvicorn),
}


@contextlib.contextmanager
def peer(name: str, products: Sequence[Product], customers: int) -> Iterator[Side]:
    """Run the peer of this name, filled, in a directory of its own."""
    tokens = [token_hex(16) for _ in range(customers)]
    with _layout("redis", NGINX) as layout, contextlib.ExitStack() as processes:
        pids = {
            kind: [processes.enter_context(_process(words, variables, layout)) for words, variables in some]
            for kind, some in _commands(layout, PROGRAMS[name]).items()
        }
        data.fill(layout.redis[REDIS], products, tokens)
        _wait_until_open(layout, [layout.socket(each) for each in INSTANCES])
        ids = [product.id for product in products]
        yield Side(name=name, port=layout.nginx.port, processes=pids, tokens=tokens, products=ids)


@contextlib.contextmanager
def nginx_alone(products: Sequence[Product]) -> Iterator[Side]:
    """Run an nginx that answers every request itself, with the document of a product, and logs nothing."""
    with _layout(NGINX) as layout:
        layout.directory(NGINX).mkdir()
        body = data.document(products[0]).decode().replace("'", "\\'")
        filled = ALONE.read_text().replace("@LISTEN@", str(layout.nginx)).replace("@BODY@", body)
        (layout.directory(NGINX) / "nginx.conf").write_text(filled)
        words = render.command(layout, servers.find(layout.settings), NGINX)
        with _process(words, {}, layout) as pid:
            _wait_until_open(layout, [])
            ids = [product.id for product in products]
            yield Side(name="nginx alone", port=layout.nginx.port, processes={NGINX: [pid]}, tokens=[], products=ids)


@contextlib.contextmanager
def _layout(*kinds: str) -> Iterator[Layout]:
    """Free addresses, and directories of their own."""
    with (
        tempfile.TemporaryDirectory(prefix="evergreen-peer-") as directory,
        free(NETWORK, kinds, run=Path(directory)) as layout,
    ):
        layout.memory.mkdir(mode=0o700)
        try:
            yield layout
        finally:
            shutil.rmtree(layout.memory, ignore_errors=True)


def _commands(layout: Layout, program: Program) -> Mapping[str, Sequence[tuple[Sequence[str], Mapping[str, str]]]]:
    """The commands with their variables, by kind of process."""
    found, address = servers.find(layout.settings), layout.redis[REDIS]
    _write_nginx(layout)
    sockets = [layout.socket(name) for name in INSTANCES]
    store = {"PEER_REDIS_HOST": address.host, "PEER_REDIS_PORT": str(address.port)}
    redis = [str(found.redis), "--bind", address.host, "--port", str(address.port), "--dir", str(layout.run)]
    return {
        "redis": [([*redis, "--appendonly", "yes", "--save", ""], {})],
        "api": [(program.words(path), {**store, **program.variables(path)}) for path in sockets],
        NGINX: [(render.command(layout, found, NGINX), {})],
    }


def _write_nginx(layout: Layout) -> None:
    directory = layout.directory(NGINX)
    (directory / "watched").mkdir(parents=True)
    layout.sockets.mkdir(parents=True, mode=0o700)
    for name, text in render.nginx_files(layout).items():
        (directory / name).write_text(text)


@contextlib.contextmanager
def _process(words: Sequence[str], variables: Mapping[str, str], layout: Layout) -> Iterator[int]:
    with (layout.run / "output.log").open("ab") as output:
        environment = {**os.environ, **variables}
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_open(layout: Layout, sockets: Sequence[Path]) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while not (all(path.exists() for path in sockets) and _is_open(layout.nginx.port)):
        if time.monotonic() > end:
            lines = (layout.run / "output.log").read_text(errors="replace").splitlines()[-MAX_LOG_LINES:]
            raise SystemExit("\n".join([f"A peer does not start within {START_TIMEOUT_S:.0f} s:", *lines]))
        time.sleep(POLL_S)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
