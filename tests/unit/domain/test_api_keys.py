from datetime import timedelta

import pytest

from shop.domain.api_keys import ApiKeyCredentials, parse_network
from tests.fakes import fake_shop
from tests.samples import FAR_AWAY, an_api_key

BEFORE = FAR_AWAY - timedelta(seconds=1)


def key(**changes):
    return an_api_key(fake_shop(), **changes).key


@pytest.mark.parametrize(
    ("networks", "address", "admitted"),
    [
        ((), "203.0.113.9", True),
        ((), "no address", True),
        (("192.0.2.0/24",), "192.0.2.255", True),
        (("192.0.2.0/24",), "192.0.3.0", False),
        (("192.0.2.0/24", "2001:db8::/32"), "2001:db8::1", True),
        (("192.0.2.0/24",), "2001:db8::1", False),
        (("192.0.2.0/24",), "::ffff:192.0.2.7", True),
        (("192.0.2.0/24",), "::ffff:192.0.3.7", False),
        (("0.0.0.0/0",), "no address", False),
        (("0.0.0.0/0",), "192.0.2.1, 192.0.2.2", False),
    ],
)
def test_a_key_is_good_in_its_networks_alone(networks, address, admitted):
    assert key(networks=networks).admits_address(address) is admitted


@pytest.mark.parametrize("text", ["", "192.0.2.1/24", "192.0.2.0/33", "example.com", "::/129"])
def test_what_is_no_network_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_network(text)


def test_a_network_has_one_spelling():
    assert [parse_network("2001:DB8:0::/32"), parse_network("192.0.2.7")] == ["2001:db8::/32", "192.0.2.7/32"]


@pytest.mark.parametrize(
    ("digest", "at", "valid"),
    [
        ("present", BEFORE, True),
        ("present", FAR_AWAY, False),
        ("former", BEFORE - timedelta(days=1), True),
        ("former", BEFORE, False),
        ("another", BEFORE - timedelta(days=1), False),
        ("", BEFORE - timedelta(days=1), False),
    ],
)
def test_a_secret_is_valid_until_its_key_or_its_overlap_ends(digest, at, valid):
    held = ApiKeyCredentials(key=key(former_expires_at=BEFORE), digest="present", former_digest="former")
    assert held.is_valid(digest, at) is valid


def test_a_key_that_was_never_rolled_has_no_former_secret():
    assert not ApiKeyCredentials(key=key(), digest="present", former_digest="").is_valid("", BEFORE)
