"""What can be set about the embedded topology."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import configuration
from configuration import accounts, payments, rate_limits, shop, stack
from configuration.server import WORKERS
from configuration.sources import run_directory
from devstack import edge
from operations import alerting

ROOT = configuration.ROOT
LOOPBACK = "127.0.0.0/8"
FAKE_PAYMENTS = {payments.PAYMENT_PROVIDERS.name: "fake"}


class Misconfigured(Exception):
    """A setting cannot be used; the text says which, and what it should be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Where the topology runs and with which servers: an empty `server` or `nginx` is what the project installs."""

    run: Path
    network: str = stack.NETWORK.default
    port: int = int(stack.PORT.default)
    server: str = ""
    nginx: str = ""
    store: str = shop.STORE.default
    #: The stores whose keys the users of this store may use, as a glob; its own where it is empty.
    stores: str = ""
    primary_name: str = shop.PRIMARY_NAME.default
    durability: str = shop.DURABILITY.default
    hosts: tuple[str, ...] = shop.HOSTS.form.parse(shop.HOSTS.default)
    trusted_proxies: tuple[str, ...] = ()
    address_limits: edge.RateLimits = edge.DEFAULT_LIMITS
    #: Processes of an instance.
    workers: int = int(WORKERS.default)
    #: Reads that nginx has at once at each of them, and half as many writes, before it asks whether more are taken.
    instance_requests: int = int(stack.INSTANCE_REQUESTS.default)
    #: Rate limits of the API by variable, where they are not those of the environment.
    caller_limits: Mapping[str, str] = field(default_factory=dict)
    #: Seconds for which nginx caches the catalogue. Where `read` is not asked it is off: tests read what they wrote.
    catalogue_cache_s: int = 0
    maxmemory: str = stack.MAXMEMORY.default
    #: Whether everything in the stack calls each other by TLS.
    tls: bool = False
    delivery: alerting.Delivery = field(default_factory=alerting.Delivery)
    #: Where webhooks may go beside public addresses: to this machine, on which they are tried.
    webhook_networks: tuple[str, ...] = (LOOPBACK,)
    #: Further variables of the instances. Of a stack that `read` describes, they inherit those of its start.
    shop_variables: Mapping[str, str] = field(default_factory=lambda: FAKE_PAYMENTS)

    @property
    def accessible_stores(self) -> str:
        """The stores whose keys the users of the servers may use, as a glob."""
        return self.stores or self.store

    @property
    def appendfsync(self) -> str:
        """When a data node forces its file to disk: with every write, or once a second where no write waits for it."""
        return "always" if self.durability == "fsynced" else "everysec"


def read(environ: Mapping[str, str]) -> Settings:
    """The settings in these variables; what they leave out, as the stack in the same data directory was started last.

    Raises:
        Misconfigured: some of them cannot be used; the text names all.
    """
    try:
        values = configuration.read_stack(environ)
    except configuration.ConfigurationError as error:
        raise Misconfigured(str(error)) from error
    return Settings(
        run=run_directory(environ),
        network=values[stack.NETWORK],
        port=values[stack.PORT],
        server=values[shop.REDIS_SERVER],
        nginx=values[stack.NGINX],
        store=values[shop.STORE],
        primary_name=values[shop.PRIMARY_NAME],
        durability=values[shop.DURABILITY],
        hosts=values[shop.HOSTS],
        trusted_proxies=values[shop.TRUSTED_PROXIES],
        address_limits=edge.RateLimits(
            {name: values[variable] for name, variable in rate_limits.ADDRESS_RATES.items()},
            values[rate_limits.ADDRESS_CONNECTIONS],
            values[rate_limits.EXEMPT_NETWORKS],
        ),
        workers=values[WORKERS],
        instance_requests=values[stack.INSTANCE_REQUESTS],
        catalogue_cache_s=values[stack.CATALOGUE_CACHE_S],
        maxmemory=values[stack.MAXMEMORY],
        tls=values[shop.INTERNAL_TLS],
        delivery=alerting.delivery(values),
        webhook_networks=values[accounts.WEBHOOK_NETWORKS] or (LOOPBACK,),
        # Purchases can be paid in a stack on one's own machine, without an account anywhere.
        shop_variables={} if payments.PAYMENT_PROVIDERS.name in environ else FAKE_PAYMENTS,
    )
