"""A shop that is served in this process, on a real store."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from devstack.temporary import RunningStack
from operations import bootstrap as operations_bootstrap
from shop import bootstrap
from tests.cost.meter import Meter
from tests.cost.shop import CostlyShop, without_hashing
from tests.cost.store import fill
from tests.store_access import operator_node
from tests.system.shopping import assembled


@contextmanager
def costly_shop(stack: RunningStack, products: int) -> Iterator[CostlyShop]:
    """The shop of this topology, filled with so many products."""
    # What waiting for replicas takes is time, not CPU.
    container = assembled(stack, durability="memory")
    shop = without_hashing(container)
    nodes = [operator_node(address) for address in stack.layout.redis.values()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "container", lambda: container)
        patch.setattr(operations_bootstrap, "container", lambda: container)
        patch.setattr(bootstrap, "get_shop", lambda: shop)
        costly = CostlyShop(shop, fill(shop, products), Meter(nodes))
        # The garbage of tests is not that of a request.
        gc.collect()
        gc.freeze()
        yield costly
        gc.unfreeze()
    for node in nodes:
        node.close()
    container.close()
