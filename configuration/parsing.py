"""Forms of values: how the text of a variable becomes a value, which limits it has, and what to write instead."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network
from ipaddress import ip_address as parsed_ip_address
from typing import Generic, TypeVar

T = TypeVar("T")

SocketAddress = tuple[str, int]
MAX_PORT = 2**16 - 1
#: Of a secret. A random text of 50 hexadecimal digits has fewer in one of a million million cases.
MIN_DISTINCT_CHARACTERS = 8
#: What `django-admin startproject` puts before a key that is no secret.
EXAMPLE_PREFIX = "django-insecure-"
#: As Django and nginx compare hosts: letters, digits, dots and dashes; a dot in front stands for every subdomain.
_HOST_NAME = r"\.?[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
#: An X25519 key in Bech32, checksum included.
_AGE_RECIPIENT = r"age1[02-9ac-hj-np-z]{58}"
_ORIGIN = r"https?://[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?"


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """`parse` raises ValueError for a text that is not of this form; `remedy` then says what to write."""

    parse: Callable[[str], T]
    remedy: str
    limits: str = ""


def text() -> Form[str]:
    """Any text."""
    return Form(str, "give a text")


def pattern(regex: str, remedy: str, limits: str = "") -> Form[str]:
    """A text that this regular expression matches as a whole."""

    def parse(text: str) -> str:
        if not re.fullmatch(regex, text):
            raise ValueError
        return text

    return Form(parse, remedy, limits)


def choice(*words: str) -> Form[str]:
    """One of these words."""
    listed = ", ".join(words)
    return pattern("|".join(map(re.escape, words)), f"give one of {listed}", listed)


def switch() -> Form[bool]:
    """`on` or `off`."""
    word = choice("on", "off")
    return Form(lambda text: word.parse(text) == "on", "give on or off", "on, off")


def integer(minimum: int, maximum: int) -> Form[int]:
    """A whole number between these limits, both included."""
    return Form(lambda text: _within(int(text), minimum, maximum), *_range("a whole number", minimum, maximum))


def number(minimum: float, maximum: float) -> Form[float]:
    """A number between these limits, both included."""
    return Form(lambda text: _within(float(text), minimum, maximum), *_range("a number", minimum, maximum))


def port() -> Form[int]:
    """A TCP port."""
    return Form(lambda text: _within(int(text), 1, MAX_PORT), "give a port number, as in 8080", f"1 to {MAX_PORT}")


def secret(min_characters: int) -> Form[str]:
    """A random text; it may be empty where it is not needed."""

    def parse(text: str) -> str:
        if text and _is_weak(text, min_characters):
            raise ValueError
        return text

    remedy = f"it is too weak; use a random text of at least {min_characters} characters"
    return Form(parse, remedy, f"at least {min_characters} characters, {MIN_DISTINCT_CHARACTERS} of them different")


def secrets(min_characters: int, max_secrets: int) -> Form[tuple[str, ...]]:
    """Random texts, separated by commas."""

    def parse(text: str) -> tuple[str, ...]:
        entries = _entries(text)
        if len(entries) > max_secrets or any(_is_weak(entry, min_characters) for entry in entries):
            raise ValueError
        return entries

    remedy = f"give at most {max_secrets} former secrets of at least {min_characters} characters, separated by commas"
    return Form(parse, remedy, f"at most {max_secrets}")


def age_recipients(max_recipients: int) -> Form[tuple[str, ...]]:
    """Public keys of age, separated by commas."""

    def parse(text: str) -> tuple[str, ...]:
        entries = _entries(text)
        if len(entries) > max_recipients or not all(re.fullmatch(_AGE_RECIPIENT, entry) for entry in entries):
            raise ValueError
        return entries

    remedy = f"give at most {max_recipients} public keys of age, which begin with age1, separated by commas"
    return Form(parse, remedy, f"age1..., ...; at most {max_recipients}")


def names() -> Form[tuple[str, ...]]:
    """Names or addresses, separated by commas."""
    return Form(_entries, "give names, separated by commas")


def words(*allowed: str) -> Form[tuple[str, ...]]:
    """Some of these words, separated by commas."""
    listed = ", ".join(allowed)

    def parse(text: str) -> tuple[str, ...]:
        entries = _entries(text)
        if not set(entries) <= set(allowed):
            raise ValueError
        return entries

    return Form(parse, f"give some of {listed}, separated by commas", listed)


def host_names() -> Form[tuple[str, ...]]:
    """At least one name or address of a host, separated by commas; not every host."""

    def parse(text: str) -> tuple[str, ...]:
        if not (entries := _entries(text)):
            raise ValueError
        return tuple(map(_host_name, entries))

    remedy = (
        "give the names by which clients call the shop, without scheme and port, separated by commas; * would admit any"
    )
    return Form(parse, remedy, "no *; .shop.example for all below it")


def networks() -> Form[tuple[str, ...]]:
    """Networks in CIDR notation, separated by commas; not every address."""
    return Form(
        lambda text: tuple(map(_network, _entries(text))),
        "give networks, as in 10.0.0.5/32,10.1.0.0/16; /0 would believe everyone",
        "CIDR, ...; no /0",
    )


def origins() -> Form[tuple[str, ...]]:
    """Origins of browsers, separated by commas; not every origin."""
    return Form(
        lambda text: tuple(map(_origin, _entries(text))),
        "give origins, as in https://www.shop.example,https://admin.shop.example:8443, without a path; * is refused",
        "scheme://host[:port], ...; no *",
    )


def ip_address() -> Form[str]:
    """An IP address, or nothing."""

    def parse(text: str) -> str:
        return str(parsed_ip_address(text)) if text else ""

    return Form(parse, "give an address of this machine, as in 10.0.0.31")


def socket_addresses() -> Form[tuple[SocketAddress, ...]]:
    """Hosts with ports, separated by commas."""
    return Form(
        lambda text: tuple(map(_socket_address, _entries(text))), "give host:port,host:port,host:port", "host:port, ..."
    )


def _is_weak(text: str, min_characters: int) -> bool:
    is_example = text.startswith(EXAMPLE_PREFIX)
    return is_example or len(text) < min_characters or len(set(text)) < MIN_DISTINCT_CHARACTERS


def _host_name(entry: str) -> str:
    if entry.startswith("["):
        return f"[{IPv6Address(entry.removeprefix('[').removesuffix(']'))}]"
    if not re.fullmatch(_HOST_NAME, entry):
        raise ValueError
    return entry.lower()


def _network(entry: str) -> str:
    network = ip_network(entry)
    if not network.prefixlen:
        raise ValueError
    return str(network)


def _origin(entry: str) -> str:
    if not re.fullmatch(_ORIGIN, entry):
        raise ValueError
    return entry


def _socket_address(entry: str) -> SocketAddress:
    host, _, port_number = entry.rpartition(":")
    if not host or not port_number.isdecimal():
        raise ValueError
    return host, _within(int(port_number), 1, MAX_PORT)


def _entries(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


N = TypeVar("N", int, float)


def _within(value: N, minimum: N, maximum: N) -> N:
    # Written so that NaN, which is in no order, is refused.
    if not minimum <= value <= maximum:
        raise ValueError
    return value


def _range(kind: str, minimum: float, maximum: float) -> tuple[str, str]:
    limits = f"{minimum:g} to {maximum:g}"
    return f"give {kind} from {limits}", limits
