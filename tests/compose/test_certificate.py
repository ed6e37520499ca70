"""HTTPS at nginx, with a certificate that is mounted."""

import dataclasses
import subprocess

import pytest

ANSWER = "%{http_version} %{http_code} %{redirect_url}"


@pytest.fixture(scope="module")
def certified(deployment, tmp_path_factory):
    """The deployment with a certificate of its own; afterwards without."""
    directory = tmp_path_factory.mktemp("certificate")
    files = ("-keyout", directory / "privkey.pem", "-out", directory / "fullchain.pem")
    words = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost", *files)
    subprocess.run(words, check=True, capture_output=True)
    directory.joinpath("privkey.pem").chmod(0o644)
    directory.chmod(0o755)
    deployment.set(EVERGREEN_CERTIFICATE=str(directory), EVERGREEN_TLS_PORT="127.0.0.1:")
    found = dataclasses.replace(deployment, files=("compose.yml", "compose.tls.yml"))
    found.up("nginx")
    yield found
    deployment.up()


def called(certified, *words):
    """What curl says, which has no certificate to compare with."""
    return certified.compose("exec", "-T", "nginx", "curl", "-sk", "-m", "10", *words)


def test_https_is_answered_as_http_2(certified):
    assert called(certified, "-o", "/dev/null", "-w", ANSWER, "https://127.0.0.1/livez").split() == ["2", "200"]


def test_http_leads_to_https_with_method_and_body(certified):
    words = ("-X", "POST", "-d", "{}", "-o", "/dev/null", "-w", ANSWER, "http://127.0.0.1/api/v1/users/")
    assert called(certified, *words).split() == ["1.1", "308", "https://127.0.0.1/api/v1/users/"]


@pytest.mark.parametrize("path", ["/api/v1/products/", "/metrics"])
def test_browsers_are_told_to_come_by_https_by_every_answer(certified, path):
    assert "strict-transport-security: max-age=31536000" in called(certified, "-i", f"https://127.0.0.1{path}").lower()


def test_an_old_protocol_is_refused(certified):
    with pytest.raises(AssertionError):
        called(certified, "--tls-max", "1.1", "https://127.0.0.1/livez")


def test_the_shop_knows_that_it_is_called_by_https(certified):
    page = called(certified, "https://127.0.0.1/api/v1/products/?page_size=1", "-H", "Accept: application/json")
    assert "http://" not in page
