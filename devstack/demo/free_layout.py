"""Where a demonstration runs: in a directory of its own, on addresses that are free."""

from collections.abc import Mapping
from dataclasses import replace

from configuration import accounts, stack
from configuration.sources import is_given
from devstack import ports, settings
from devstack.layout import Layout
from devstack.settings import Settings

RUN = f"{stack.RUN.default}-demo"
#: Few customers buy all the time, and none of them pays.
SHOP_VARIABLES = {accounts.MAX_OPEN_PURCHASES.name: "0"}


def find(environ: Mapping[str, str]) -> Layout:
    """The layout of a demonstration beside any stack that runs. What the variables name is used as it is.

    Raises:
        Misconfigured: variables cannot be used.
    """
    run = {} if is_given(environ, stack.RUN) else {stack.RUN.name: RUN}
    chosen = settings.read({**environ, **run})
    changes = {**_network(environ, chosen), **_port(environ, chosen)}
    return Layout(settings=replace(chosen, shop_variables=SHOP_VARIABLES, **changes))


def _network(environ: Mapping[str, str], chosen: Settings) -> dict[str, str]:
    node = ports.first_node(chosen.network)
    if is_given(environ, stack.NETWORK) or not ports.is_in_use(node, ports.FIRST_NODE_PORT):
        return {}
    return {"network": ports.next_free_network(chosen.network)}


def _port(environ: Mapping[str, str], chosen: Settings) -> dict[str, int]:
    if is_given(environ, stack.PORT) or not ports.is_in_use(ports.HOST, chosen.port):
        return {}
    return {"port": int(ports.next_free_port(chosen.port))}
