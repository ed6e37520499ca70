"""What a stack was started with, in its data directory: commands in another terminal read it there."""

import json
from collections.abc import Mapping

from agents.launch import write_private
from configuration import accounts, rate_limits, server, shop, stack
from configuration.sources import RECORD, record
from devstack import settings, supervision
from devstack.layout import Layout


def write(layout: Layout) -> None:
    """Write what this stack is started with."""
    write_private(layout.run / RECORD, json.dumps(_variables(layout), indent=2) + "\n")


def layout(environ: Mapping[str, str]) -> Layout:
    """The stack that these variables name; what they leave out, as it was started last.

    Raises:
        Misconfigured: variables cannot be used, or contradict a stack that runs.
    """
    layout = Layout(settings=settings.read(environ))
    contradictions = _contradictions(layout)
    if contradictions and supervision.pid(layout) is not None:
        raise settings.Misconfigured("\n".join(contradictions))
    return layout


def _contradictions(layout: Layout) -> list[str]:
    """A line for each variable that is not as in the record; none where there is no record."""
    started = record(layout.run)
    differing = [(name, value) for name, value in _variables(layout).items() if started.get(name, value) != value]
    return [
        f"{name} is {value!r}, and the stack that runs in {layout.run} was started with {started[name]!r}: unset it to "
        "address that stack, stop that stack to start another, or name another directory with EVERGREEN_RUN."
        for name, value in differing
    ]


def _variables(layout: Layout) -> dict[str, str]:
    chosen = layout.settings
    limits = chosen.address_limits
    return {
        stack.NETWORK.name: chosen.network,
        stack.PORT.name: str(chosen.port),
        stack.NGINX.name: chosen.nginx,
        stack.CATALOGUE_CACHE_S.name: str(chosen.catalogue_cache_s),
        stack.INSTANCE_REQUESTS.name: str(chosen.instance_requests),
        server.WORKERS.name: str(chosen.workers),
        stack.MAXMEMORY.name: chosen.maxmemory,
        shop.REDIS_SERVER.name: chosen.server,
        shop.STORE.name: chosen.store,
        shop.PRIMARY_NAME.name: chosen.primary_name,
        shop.DURABILITY.name: chosen.durability,
        shop.HOSTS.name: ",".join(chosen.hosts),
        shop.INTERNAL_TLS.name: "on" if chosen.tls else "off",
        accounts.WEBHOOK_NETWORKS.name: ",".join(chosen.webhook_networks),
        shop.TRUSTED_PROXIES.name: ",".join(chosen.trusted_proxies),
        rate_limits.EXEMPT_NETWORKS.name: ",".join(limits.unlimited),
        rate_limits.ADDRESS_CONNECTIONS.name: str(limits.connections),
        **{each.name: str(limits.rates[name] or "off") for name, each in rate_limits.ADDRESS_RATES.items()},
    }
