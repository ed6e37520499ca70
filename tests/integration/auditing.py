"""A small shop on a real store, and what an audit finds in it."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from uuid import uuid4

from devstack.temporary import RunningStack
from exactly_once.client import Command
from operations import bootstrap
from shop.bootstrap import Configuration, Container
from shop.seeding import madeup
from shop.seeding.load import Loader, Tally
from shop.seeding.madeup import Numbers
from shop.seeding.plan import Plan

PLAN = madeup.plan(Numbers(users=4, products=12, purchases=20, seed=3))


@contextmanager
def a_shop(stack: RunningStack) -> Iterator[Container]:
    """A shop of its own, with nothing in it."""
    layout = stack.layout
    configuration = Configuration(
        store=f"test-{uuid4()}",
        master_name=layout.settings.primary_name,
        sentinels=[(address.host, address.port) for address in layout.sentinels.values()],
        credentials=layout.operator,
        payment_providers=("fake",),
    )
    with closing(Container(configuration)) as container:
        yield container


def seeded(container: Container, plan: Plan = PLAN) -> Sequence[Tally]:
    """Loads the plan."""
    loader = Loader(
        shop=container.shop,
        existence=container.existence,
        password_hash="a hash",
        watch=lambda tally: None,
        timeout_s=30,
    )
    return list(loader.load(plan))


def on_primary(container: Container, *commands: Command) -> list:
    """What the primary replies, once the replicas have it too."""
    primary = container.cluster.topology.refresh().primary
    return container.cluster.nodes[primary].run(*commands, ("WAIT", 2, 5000), timeout=6)[:-1]


def found(container: Container) -> list[str]:
    """The codes of what is wrong, each once."""
    return sorted({finding.code for finding in bootstrap.auditor(container).audit(lambda what: None).violations})
