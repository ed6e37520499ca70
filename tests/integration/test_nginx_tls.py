"""HTTPS at nginx: which handshakes it accepts, and what it does with plain HTTP."""

import http.client
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.layout import NGINX, Layout
from devstack.settings import ROOT, Settings
from devstack.temporary import free_port
from exactly_once.client import Address
from tests.integration import edge
from tests.integration.edge import Instances, assert_is_problem, parsed, raw

Tls = tuple[Layout, Address]
#: Of TLS 1.2, what nginx would accept by default.
WEAK = ["AES128-SHA256", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA", "CAMELLIA128-SHA"]
STRONG = ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"]


@pytest.fixture
def tls(tmp_path: Path, instances: Instances) -> Iterator[Tls]:
    """An nginx with a certificate, and its address for HTTPS."""
    layout, encrypted = Layout(settings=Settings(run=tmp_path, port=free_port())), Address("127.0.0.1", free_port())
    directory = layout.directory(NGINX)
    directory.mkdir(parents=True, exist_ok=True)
    files = ("-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem")
    options = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost")
    subprocess.run(["openssl", "req", *options, *files], check=True, capture_output=True)
    shutil.copy(ROOT / "deploy" / "nginx" / "hsts.conf", directory)
    write_tls(directory, encrypted, tmp_path)
    with edge.nginx(layout, is_ready=edge.connects):
        yield layout, encrypted


def write_tls(directory: Path, address: Address, certificate: Path) -> None:
    """The files of deploy/nginx/tls, with these for the port and the certificate."""
    changes = {
        "listen 443": f"listen {address}",
        "/etc/nginx/certificate": str(certificate),
        "${EVERGREEN_NGINX_DIRECTORY}": str(directory),
    }
    directory.joinpath("tls").mkdir()
    for source in sorted((ROOT / "deploy" / "nginx" / "tls").glob("*.conf")):
        text = source.read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        directory.joinpath("tls", source.name).write_text(text)


def client(version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    """A client that speaks this version alone, and compares no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(ciphers)
    context.minimum_version = context.maximum_version = version
    return context


def ask(tls: Tls, context: ssl.SSLContext, host: str = "localhost") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPSConnection(*tls[1], timeout=10, context=context)
    try:
        connection.request("GET", "/x", headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("cipher", STRONG)
def test_a_cipher_with_forward_secrecy_and_authenticated_encryption_is_accepted(tls: Tls, cipher: str):
    assert ask(tls, client(ssl.TLSVersion.TLSv1_2, cipher))[0] == 200


def test_tls_1_3_is_accepted_and_the_instance_learns_of_https(tls: Tls, instances: Instances):
    assert ask(tls, client(ssl.TLSVersion.TLSv1_3))[0] == 200
    assert instances.seen[0].headers["X-Forwarded-Proto"] == "https"


@pytest.mark.parametrize("cipher", WEAK)
def test_static_rsa_and_cbc_are_refused(tls: Tls, cipher: str):
    # Where this machine's OpenSSL does not know the cipher, there is nothing to refuse.
    offered = f"{cipher}:NULL-SHA256:@SECLEVEL=0"
    with pytest.raises(ssl.SSLError):
        ask(tls, client(ssl.TLSVersion.TLSv1_2, offered))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_an_old_version_is_refused(tls: Tls, version: ssl.TLSVersion):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(tls, client(version))


def test_another_host_is_answered_421_over_https_too(tls: Tls, instances: Instances):
    answer = ask(tls, client(ssl.TLSVersion.TLSv1_3), "evil.example")
    assert_is_problem(answer, 421, "misdirected-request")
    assert "Strict-Transport-Security" in answer[1]
    assert not instances.seen


def test_plain_http_at_the_port_for_https_is_a_problem(tls: Tls):
    answer = parsed(edge.raw_to(tls[1], b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    assert_is_problem(answer, 400, "bad-request")


def test_what_is_no_http_is_a_problem_also_where_plain_http_is_redirected(tls: Tls):
    assert_is_problem(parsed(raw(tls[0], b"GARBAGE\r\n\r\n")), 400, "bad-request")


def test_plain_http_leads_to_https_with_the_headers_of_every_answer(tls: Tls):
    request = b"GET /x?y=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    status, headers, _ = parsed(raw(tls[0], request))
    assert (status, headers["Location"]) == (308, "https://localhost/x?y=1")
    assert {"X-Content-Type-Options", "Content-Security-Policy", "X-Request-ID"} <= headers.keys()


def test_plain_http_leads_to_no_host_that_is_not_the_shops(tls: Tls):
    request = b"GET /x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    status, headers, body = parsed(raw(tls[0], request))
    assert (status, "Location" in headers, json.loads(body)["code"]) == (421, False, "misdirected-request")
