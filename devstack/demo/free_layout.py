"""Where a demonstration runs: in a directory of its own, on addresses that are free."""

from collections.abc import Mapping
from dataclasses import replace

from configuration import accounts, stack
from configuration.sources import is_given
from devstack import ports, settings
from devstack.layout import Layout
from devstack.settings import FAKE_PAYMENTS

RUN = f"{stack.RUN.default}-demo"
#: Few customers buy all the time, and none of them pays.
SHOP_VARIABLES = {accounts.MAX_OPEN_PURCHASES.name: "0", **FAKE_PAYMENTS}


def find(environ: Mapping[str, str]) -> Layout:
    """The layout of a demonstration beside any stack that runs. What the variables name is used as it is.

    Raises:
        Misconfigured: variables cannot be used.
    """
    run = {} if is_given(environ, stack.RUN) else {stack.RUN.name: RUN}
    chosen = settings.read({**environ, **run})
    network, port = _network(environ, chosen.network), _port(environ, chosen.port)
    return Layout(settings=replace(chosen, network=network, port=port, shop_variables=SHOP_VARIABLES))


def _network(environ: Mapping[str, str], chosen: str) -> str:
    """This network, or the next free one where it is in use and no variable names it."""
    is_free = not ports.is_in_use(ports.first_node(chosen), ports.FIRST_NODE_PORT)
    return chosen if is_free or is_given(environ, stack.NETWORK) else ports.next_free_network(chosen)


def _port(environ: Mapping[str, str], chosen: int) -> int:
    """This port, or the next free one where it is in use and no variable names it."""
    next_free = ports.next_free_port(chosen) if ports.is_in_use(ports.HOST, chosen) else ""
    return int(next_free) if next_free.isdecimal() and not is_given(environ, stack.PORT) else chosen
