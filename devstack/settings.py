"""What can be set about the embedded topology."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from operations import alerting

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_RUN = ".run"
DEFAULT_NETWORK = "127.20.0"
DEFAULT_PORT = 8080


class Misconfigured(Exception):
    """A setting cannot be used; the text says which, and what it should be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Where the topology runs and with which servers: an empty `server` or `nginx` is what the project installs.
    `durability` is EVERGREEN_DURABILITY, which `evergreen.env` checks."""

    run: Path
    network: str = DEFAULT_NETWORK
    port: int = DEFAULT_PORT
    server: str = ""
    nginx: str = ""
    store: str = "evergreen"
    primary_name: str = "evergreen"
    durability: str = "replicated"
    delivery: alerting.Delivery = field(default_factory=alerting.Delivery)

    @property
    def appendfsync(self) -> str:
        """When a data node has its disk keep what it wrote: what nobody waits for, once a second."""
        return "always" if self.durability == "fsynced" else "everysec"


def read(environ: Mapping[str, str]) -> Settings:
    """The settings in these variables. Raises Misconfigured for one that makes no sense."""
    return Settings(
        run=(ROOT / (environ.get("EVERGREEN_RUN") or DEFAULT_RUN)).resolve(),
        network=_network(environ.get("EVERGREEN_NETWORK") or DEFAULT_NETWORK),
        port=_port(environ.get("EVERGREEN_PORT") or str(DEFAULT_PORT)),
        server=environ.get("EVERGREEN_REDIS_SERVER", ""),
        nginx=environ.get("EVERGREEN_NGINX", ""),
        store=environ.get("EVERGREEN_STORE") or "evergreen",
        primary_name=environ.get("REDIS_MASTER_NAME") or "evergreen",
        durability=environ.get("EVERGREEN_DURABILITY") or "replicated",
        delivery=_delivery(environ),
    )


def _delivery(environ: Mapping[str, str]) -> alerting.Delivery:
    try:
        return alerting.read(environ)
    except alerting.Unusable as fault:
        raise Misconfigured(str(fault)) from fault


def _network(text: str) -> str:
    if not re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,3}", text):
        raise Misconfigured(f"EVERGREEN_NETWORK is {text!r}: give the start of an address, as in 127.20.0.")
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise Misconfigured(f"EVERGREEN_PORT is {text!r}: give a port number, as in 8080.")
    return int(text)
