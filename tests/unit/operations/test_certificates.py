import io
import ssl
import subprocess
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socketpair

import pytest
from cryptography import x509
from django.core.management import CommandError, call_command

from operations import certificates
from operations.certificates import CERTIFICATE_DAYS, RENEWAL_DAYS, WARNING_DAYS, Subject
from operations.exporter.certificates import CertificateCollector

NOW = datetime.now(UTC)
NODE = Subject(name="redis-1", addresses=("127.0.0.1",))
INSTANCE = Subject(name="api-1", aliases=("api",))


def serial(directory: Path, name: str) -> int:
    return x509.load_pem_x509_certificate(certificates.files(directory, name)[0].read_bytes()).serial_number


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    certificates.create(tmp_path, [NODE, INSTANCE], NOW)
    return tmp_path


def handshake(directory: Path, name: str, host: str, authority: Path) -> str | None:
    """The version of TLS of a client that asks for this host, with a server that has this certificate. Raises what the
    client raises."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificates.files(directory, name))
    near, far = socketpair()

    def serve() -> None:
        with suppress(OSError), server.wrap_socket(far, server_side=True) as accepted:
            accepted.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with ssl.create_default_context(cafile=authority).wrap_socket(near, server_hostname=host) as client:
            return client.version()
    finally:
        near.close()
        thread.join()


@pytest.mark.parametrize(("name", "host"), [("redis-1", "127.0.0.1"), ("api-1", "api"), ("api-1", "api-1")])
def test_a_certificate_is_valid_for_the_addresses_and_names_of_its_subject(directory, name, host):
    assert handshake(directory, name, host, certificates.authority(directory))


@pytest.mark.parametrize(("name", "host"), [("redis-1", "127.0.0.2"), ("redis-1", "api"), ("api-1", "127.0.0.1")])
def test_it_is_valid_for_nothing_else(directory, name, host):
    with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch|not valid for"):
        handshake(directory, name, host, certificates.authority(directory))


def test_it_is_worth_nothing_with_another_authority(directory, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    certificates.create(other, [], NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
        handshake(directory, "redis-1", "127.0.0.1", certificates.authority(other))


def test_the_authority_certifies_no_other_authority(directory):
    authority = certificates.authority(directory)
    text = subprocess.run(["openssl", "x509", "-noout", "-text", "-in", authority], capture_output=True, text=True)
    assert "CA:TRUE, pathlen:0" in text.stdout


def test_keys_are_for_their_owner_alone(directory):
    keys = list(directory.glob("*.key"))
    assert len(keys) == 3
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_certificate_lasts_ninety_days(directory):
    days = {each.name: each.days_left(NOW) for each in certificates.expiries(directory)}
    assert days["redis-1"] == pytest.approx(CERTIFICATE_DAYS, abs=0.01)
    assert CERTIFICATE_DAYS == 90


def test_what_is_there_is_not_made_again(directory):
    before = serial(directory, "redis-1")
    assert certificates.create(directory, [NODE, INSTANCE], NOW) == []
    assert serial(directory, "redis-1") == before


def test_a_subject_with_another_address_gets_another_certificate(directory):
    moved = Subject(name="redis-1", addresses=("127.0.0.9",))
    assert certificates.create(directory, [moved, INSTANCE], NOW) == ["redis-1"]
    handshake(directory, "redis-1", "127.0.0.9", certificates.authority(directory))


def test_a_start_renews_what_ends_soon_and_leaves_the_rest(directory):
    later = NOW + timedelta(days=CERTIFICATE_DAYS - RENEWAL_DAYS)
    assert certificates.ensure(directory, [NODE, INSTANCE], later - timedelta(hours=1)) == []
    assert certificates.ensure(directory, [NODE, INSTANCE], later + timedelta(hours=1)) == ["redis-1", "api-1"]
    assert min(each.days_left(later) for each in certificates.expiries(directory)) > RENEWAL_DAYS


def test_a_renewed_certificate_is_of_the_same_authority(directory):
    authority = certificates.authority(directory).read_bytes()
    before = serial(directory, "redis-1")
    certificates.renew(directory, [NODE], NOW)
    assert serial(directory, "redis-1") != before
    assert certificates.authority(directory).read_bytes() == authority
    handshake(directory, "redis-1", "127.0.0.1", certificates.authority(directory))


def run(*words: str) -> str:
    output = io.StringIO()
    call_command("certificates", *words, stdout=output)
    return output.getvalue()


def test_the_command_makes_renews_and_checks(tmp_path):
    place = ("--directory", str(tmp_path), "--subject", "redis-1=127.0.0.1", "--subject", "nginx")
    assert run("create", *place).splitlines() == ["ca: made", "redis-1: made", "nginx: made"]
    before = serial(tmp_path, "nginx")
    assert run("renew", *place).splitlines() == ["redis-1: renewed", "nginx: renewed"]
    assert serial(tmp_path, "nginx") != before
    assert "3 certificates" in run("check", "--directory", str(tmp_path))


def test_the_check_fails_and_names_what_ends_within_fourteen_days(tmp_path):
    certificates.create(tmp_path, [INSTANCE], NOW)
    certificates.renew(tmp_path, [NODE], NOW - timedelta(days=CERTIFICATE_DAYS - WARNING_DAYS, hours=1))
    output = io.StringIO()
    with pytest.raises(CommandError, match="1 of 3 certificates") as raised:
        call_command("certificates", "check", "--directory", str(tmp_path), stdout=output)
    assert raised.value.returncode == 1
    assert output.getvalue().startswith("redis-1 ends in 14 days")


def test_the_check_fails_where_there_are_none(tmp_path):
    with pytest.raises(CommandError, match="has no certificates"):
        run("check", "--directory", str(tmp_path))


@pytest.mark.parametrize("text", ["../redis", "ca", "redis-1=nowhere", "", "Redis"])
def test_what_is_no_subject_is_named(tmp_path, text):
    with pytest.raises(CommandError, match="is no subject: write NAME=ADDRESS"):
        run("create", "--directory", str(tmp_path), "--subject", text)


def test_the_exporter_says_when_each_ends(directory):
    (family,) = CertificateCollector(directory).collect()
    ends = {sample.labels["certificate"]: sample.value for sample in family.samples}
    assert set(ends) == {"ca", "redis-1", "api-1"}
    assert ends["redis-1"] == pytest.approx((NOW + timedelta(days=CERTIFICATE_DAYS)).timestamp(), abs=2)
