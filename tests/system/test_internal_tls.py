"""The whole topology with TLS between all tiers: closed to plain text, sold through a failover, renewed under load."""

import http.client
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devstack import lifecycle
from devstack.layout import INSTANCES, Layout
from devstack.temporary import RunningStack, running
from devstack.unix_http import UnixConnection
from exactly_once.client import Address, run_once
from exactly_once.errors import NotExecuted
from operations import certificates
from operations.certificates import Subject
from shop.domain.callers import Role
from tests.architecture.sources import ROOT
from tests.capabilities import require, tls_server
from tests.stack_fixtures import wait_until
from tests.system.shopping import STOCK, Load, Shopper, assembled, check, go_on, signed_in

pytestmark = pytest.mark.prove
PURCHASES = 20


@pytest.fixture(scope="module")
def encrypted() -> Iterator[RunningStack]:
    require("tls")
    with running("127.38", lifecycle.EVERYTHING, server=tls_server(), tls=True) as started:
        started.wait_until_serving()
        yield started


@pytest.fixture(scope="module")
def staff(encrypted: RunningStack) -> Shopper:
    with closing(assembled(encrypted)) as container:
        return Shopper(api=f"{encrypted.base_url}/api/v1", headers=signed_in(container.shop, Role.STAFF))


@pytest.fixture
def load(encrypted: RunningStack, staff: Shopper) -> Load:
    with closing(assembled(encrypted)) as container:
        people = [Shopper(api=staff.api, headers=signed_in(container.shop)) for _ in range(3)]
    return Load(buyers=people[:2], readers=people[2:], product=staff.new_product(STOCK))


def servers(layout: Layout) -> dict[str, Address]:
    return layout.redis | layout.sentinels


def command(stack: RunningStack, *words: str) -> subprocess.CompletedProcess[str]:
    settings = stack.layout.settings
    place = {
        "EVERGREEN_NETWORK": settings.network,
        "EVERGREEN_PORT": str(settings.port),
        "EVERGREEN_RUN": str(settings.run),
        "EVERGREEN_REDIS_SERVER": settings.server,
        "EVERGREEN_INTERNAL_TLS": "on",
    }
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**os.environ, **stack.environment, **place},
        capture_output=True,
        text=True,
        check=False,
    )


def serial_at(address: Address, authority: Path) -> int:
    """The serial number of the certificate that is shown here."""
    context = ssl.create_default_context(cafile=authority)
    with socket.create_connection(address, 5) as wire, context.wrap_socket(wire, server_hostname=address.host) as tls:
        return int(tls.getpeercert()["serialNumber"], 16)


def test_no_data_node_and_no_sentinel_answers_in_plain_text(encrypted):
    for address in servers(encrypted.layout).values():
        assert b"PONG" not in answered_in_plain_text(address)


def answered_in_plain_text(address: Address) -> bytes:
    with socket.create_connection(address, 5) as wire, suppress(ConnectionResetError):
        wire.sendall(b"PING\r\n")
        return wire.recv(100)
    return b""


def test_a_server_with_a_certificate_of_another_authority_is_refused(encrypted, tmp_path):
    certificates.create(tmp_path, [Subject(name="other")], datetime.now(UTC))
    credentials = replace(encrypted.layout.operator, authority=certificates.authority(tmp_path))
    with pytest.raises(NotExecuted, match="certificate verify failed"):
        run_once(encrypted.layout.redis["redis-1"], ("PING",), credentials=credentials)


def test_replicas_and_sentinels_call_by_tls_too(encrypted):
    for name, address in encrypted.layout.redis.items():
        asked = run_once(address, ("CONFIG", "GET", "tls-replication"), credentials=encrypted.layout.operator)
        assert asked[0][1] == "yes", name
    assert lifecycle.is_whole(encrypted.layout)


@pytest.mark.parametrize("name", INSTANCES)
def test_an_instance_answers_nothing_without_a_certificate_of_the_authority(encrypted, name):
    context = ssl.create_default_context(cafile=encrypted.layout.authority)
    for tried in (None, context):
        connection = UnixConnection(encrypted.layout.socket(name), 5, tried)
        with closing(connection), pytest.raises((OSError, http.client.HTTPException)):
            connection.request("GET", "/livez")
            connection.getresponse()


def test_what_is_sold_through_a_failover_is_sold_once(encrypted, staff, load):
    with load:
        go_on(load, PURCHASES)
        former = encrypted.primary
        encrypted.kill(former)
        wait_until(lambda: encrypted.primary not in (None, former))
        go_on(load, PURCHASES)
    check(load, staff)
    encrypted.wait_until_whole()


def test_certificates_are_renewed_while_everything_sells(encrypted, staff, load):
    layout = encrypted.layout
    before = {name: serial_at(address, layout.authority) for name, address in servers(layout).items()}
    nginx = encrypted.pid("nginx")
    with load:
        go_on(load, PURCHASES)
        result = command(encrypted, "certificates", "renew")
        go_on(load, PURCHASES)
    assert result.returncode == 0, result.stderr
    check(load, staff)
    after = {name: serial_at(address, layout.authority) for name, address in servers(layout).items()}
    assert {name for name in before if before[name] == after[name]} == set()
    assert encrypted.pid("nginx") == nginx


def test_commands_of_operators_work_by_tls(encrypted, tmp_path):
    assert command(encrypted, "certificates", "check").returncode == 0
    assert command(encrypted, "topology").returncode == 0
    backup = command(encrypted, "backup", str(tmp_path))
    assert backup.returncode == 0, backup.stderr
