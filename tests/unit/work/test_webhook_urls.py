"""Webhooks go by https to public addresses, and nowhere else unless a setting admits it."""

import socket

import pytest

from shop.domain.webhook_urls import WebhookPolicy
from shop.work.http_post import PostFailed, resolve

PUBLIC = WebhookPolicy()
LOCAL = WebhookPolicy(networks=["10.0.0.0/8", "127.0.0.0/8"])


@pytest.mark.parametrize(
    "url", ["https://hooks.example/shop", "https://hooks.example:8443/a?b=c", "https://93.184.216.34/", "https://x"]
)
def test_a_public_url_is_admitted(url):
    assert PUBLIC.fault(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "http://hooks.example/",
        "ftp://hooks.example/",
        "https://",
        "https://user:password@hooks.example/",
        "https://hooks.example/#part",
        "https://hooks.example/a b",
        "https://hooks.example/\r\nHost: other",
        "https://hooks.example:99999/",
        "https://hooks.example/" + "a" * 2000,
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.1.2.3/",
    ],
)
def test_any_other_url_is_refused(url):
    assert PUBLIC.fault(url) != ""


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.20.0.11",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:1::",
        "::127.0.0.1",
        "::a00:1",
        "fec0::1",
        "feff::1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address):
    assert not PUBLIC.admits(address, is_encrypted=True)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34"])
def test_a_public_address_is_admitted_with_encryption_alone(address):
    assert PUBLIC.admits(address, is_encrypted=True)
    assert not LOCAL.admits(address, is_encrypted=False)


def test_a_setting_admits_networks_by_http_too():
    assert LOCAL.fault("http://10.1.2.3:8000/") == ""
    assert LOCAL.admits("10.1.2.3", is_encrypted=False)
    assert not LOCAL.admits("192.168.1.1", is_encrypted=True)


def test_a_name_is_resolved_once_and_its_address_is_the_one_that_is_called(monkeypatch):
    asked = []

    def look_up(host, port, type):
        asked.append(host)
        addresses = ["127.0.0.1", "93.184.216.34"]
        return [(socket.AF_INET, type, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    target = resolve("https://hooks.example/a?b=c", PUBLIC)
    assert (target.address, target.host, target.port, target.path) == ("93.184.216.34", "hooks.example", 443, "/a?b=c")
    assert asked == ["hooks.example"]


def test_a_name_of_a_private_address_is_refused(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(PostFailed, match="forbidden-address"):
        resolve("https://hooks.example/", PUBLIC)
