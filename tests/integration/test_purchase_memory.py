"""What a purchase and its recorded outcome take of a data node's memory. The server says it, so it is the same on every
machine."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import pytest

from exactly_once.client import Node
from shop.bootstrap import Configuration, Container
from shop.domain.errors import InsufficientStock
from tests.samples import a_request, in_catalogue, registered, units
from tests.stack_fixtures import primary_of
from tests.store_access import operator_node

#: Of a purchase of two lines, its outcome and a refusal of as many lines, without their places in indexes, in bytes.
MAX_PURCHASE_BYTES, MAX_OUTCOME_BYTES, MAX_REFUSAL_BYTES = 800, 1_200, 500
TIMEOUT_S = 5.0


@pytest.fixture
def container(redis_stack) -> Iterator[Container]:
    layout = redis_stack.layout
    configuration = Configuration(
        store=f"test-{uuid4()}",
        master_name=layout.settings.primary_name,
        sentinels=[(address.host, address.port) for address in layout.sentinels.values()],
        credentials=layout.secrets.credentials("api"),
    )
    with closing(Container(configuration)) as made:
        yield made


@pytest.fixture
def primary(redis_stack) -> Iterator[Node]:
    with closing(operator_node(redis_stack.layout.redis[primary_of(redis_stack)])) as node:
        yield node


def size_of(primary: Node, key: str) -> int:
    return int(primary.run(("MEMORY", "USAGE", key), timeout=TIMEOUT_S)[0])


def a_long_request():
    """A request with keys as long as those of the API."""
    digest = uuid4().hex * 2
    return a_request(id=uuid4().hex, idempotency_key=digest, fingerprint=digest, caller_fingerprint=digest)


@pytest.fixture
def lines(container):
    products = [in_catalogue(container.shop, sku=uuid4().hex) for _ in range(2)]
    return [units(product, 1) for product in products]


def test_a_purchase_of_two_lines_and_its_outcome_are_small(container, primary, lines):
    shop, request = container.shop, a_long_request()
    now = shop.clock.now()
    id = shop.ids.new(now)
    shop.purchases.place(request, id, registered(shop, email=f"{id}@example.com").id, lines, now)
    key = container.keys.purchase(id)
    assert primary.run(("OBJECT", "ENCODING", key), timeout=TIMEOUT_S) == ["listpack"]
    assert size_of(primary, key) <= MAX_PURCHASE_BYTES
    assert size_of(primary, container.keys.request(request.idempotency_key)) <= MAX_OUTCOME_BYTES


def test_a_refused_purchase_of_two_lines_is_recorded_in_little(container, primary, lines):
    shop, request = container.shop, a_long_request()
    now = shop.clock.now()
    id = shop.ids.new(now)
    too_many = [replace(line, quantity=10**6) for line in lines]
    with pytest.raises(InsufficientStock):
        shop.purchases.place(request, id, registered(shop, email=f"{id}@example.com").id, too_many, now)
    assert size_of(primary, container.keys.request(request.idempotency_key)) <= MAX_REFUSAL_BYTES
