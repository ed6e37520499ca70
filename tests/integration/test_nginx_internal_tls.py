"""TLS between nginx and the API instances: each proves to the other who it is."""

import contextlib
import http.client
import os
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devstack import tls
from devstack.layout import INSTANCES, Layout
from devstack.settings import ROOT, Settings
from devstack.temporary import free_port
from devstack.unix_http import UnixConnection, instance_connection
from operations import certificates
from operations.certificates import Subject
from tests.integration.edge import Instances, Server, ask, connects, handler, nginx
from tests.stack_fixtures import wait_until

NOW = datetime.now(UTC)


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    made = Layout(settings=Settings(run=tmp_path, port=free_port(), tls=True))
    tls.ensure(made)
    made.sockets.mkdir(parents=True)
    yield made
    shutil.rmtree(made.memory, ignore_errors=True)


@contextlib.contextmanager
def instances(layout: Layout, certificate: Callable[[str], Path], clients: Path) -> Iterator[Instances]:
    """Two stand-ins that have these certificates, and take clients with one of this authority alone."""
    shared = Instances()
    with contextlib.ExitStack() as running:
        for name in INSTANCES:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{certificate(name)}.pem", f"{certificate(name)}.key")
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
            server = running.enter_context(Server(str(layout.socket(name)), handler(name, shared)))
            server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            running.callback(server.shutdown)
        yield shared


def test_nginx_and_an_instance_of_the_same_authority_accept_each_other(layout):
    with instances(layout, layout.certificate, layout.authority) as seen, nginx(layout, is_ready=connects):
        assert ask(layout, "POST", "/api/v1/products/", b"{}")[0] == 200
    assert [request.path for request in seen.seen] == ["/api/v1/products/"]


def test_nginx_sends_nothing_to_an_instance_of_another_authority(layout, tmp_path):
    other = tmp_path / "other"
    certificates.create(other, [Subject(name=name, aliases=("api",)) for name in INSTANCES], NOW)
    with (
        instances(layout, lambda name: other / name, layout.authority) as seen,
        nginx(layout, is_ready=connects),
    ):
        assert ask(layout, "GET", "/api/v1/products/")[0] == 503
    assert seen.seen == []


def test_nginx_sends_nothing_to_another_process_of_the_same_authority(layout):
    with (
        instances(layout, lambda name: layout.certificate("redis-1"), layout.authority) as seen,
        nginx(layout, is_ready=connects),
    ):
        assert ask(layout, "GET", "/api/v1/products/")[0] == 503
    assert seen.seen == []


@pytest.fixture
def instance(layout: Layout) -> Iterator[str]:
    """A real instance, without a store: it is alive, and not ready."""
    name = INSTANCES[0]
    variables = {
        "DJANGO_SETTINGS_MODULE": "evergreen.settings",
        "SECRET_KEY": "a-random-text-" * 4,
        "REDIS_SENTINEL": f"127.0.0.1:{free_port()}",
        "GUNICORN_BIND": f"unix:{layout.socket(name)}",
        "GUNICORN_CERTIFICATE": str(layout.certificate(name)),
    }
    command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "evergreen.wsgi"]
    running = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **variables}, stderr=subprocess.DEVNULL)
    try:
        wait_until(layout.socket(name).exists)
        yield name
    finally:
        running.terminate()
        running.wait()


def status(connection: http.client.HTTPConnection) -> int:
    with contextlib.closing(connection):
        connection.request("GET", "/livez")
        return connection.getresponse().status


def test_an_instance_answers_clients_with_a_certificate_alone(layout, instance):
    assert status(instance_connection(layout, instance, 5)) == 200
    without = ssl.create_default_context(cafile=layout.authority)
    for context in (None, without):
        with pytest.raises((OSError, http.client.HTTPException)):
            status(UnixConnection(layout.socket(instance), 5, context))


def test_an_instance_uses_a_renewed_certificate_without_a_restart(layout, instance):
    before = serial(layout, instance)
    certificates.renew(layout.certificates, [each for each in tls.subjects(layout) if each.name == instance], NOW)
    assert serial(layout, instance) != before


def serial(layout: Layout, instance: str) -> str:
    with contextlib.closing(instance_connection(layout, instance, 5)) as connection:
        connection.connect()
        assert isinstance(connection.sock, ssl.SSLSocket)
        shown = connection.sock.getpeercert()
    assert shown
    return str(shown["serialNumber"])
