"""A store of schema 3, which has neither movements nor events, and what this version makes of it."""

from collections.abc import Iterator

import pytest

from exactly_once.errors import SchemaOutdated
from shop.bootstrap import Container
from shop.domain.events import EventQuery
from shop.domain.movements import Movement, MovementKind
from shop.domain.products import Product
from shop.repositories.migrations import VERSION
from tests.integration.auditing import a_shop, found, on_primary
from tests.samples import a_request, in_catalogue, placed, registered, units

LEDGER = ("ledger", "carried")


@pytest.fixture
def container(redis_stack) -> Iterator[Container]:
    with a_shop(redis_stack) as made:
        yield made


@pytest.fixture
def apple(container) -> Product:
    """A product of which two units were sold before there was a ledger."""
    product = in_catalogue(container.shop, stock=10)
    placed(container.shop, registered(container.shop).id, units(product, 2))
    to_schema_3(container, product)
    return product


def to_schema_3(container: Container, product: Product) -> None:
    keys = container.keys
    on_primary(
        container,
        ("DEL", keys.events, keys.movements(product.id)),
        ("HDEL", keys.product(product.id), *LEDGER),
        ("SET", keys.schema, "3"),
    )


def ledger(container: Container, product: Product) -> list[tuple[MovementKind, int]]:
    found: list[Movement] = list(container.shop.products.movements(product.id, 50, None).results)
    return [(each.kind, each.quantity) for each in reversed(found)]


def test_no_process_of_this_version_writes_until_the_store_is_migrated(container, apple):
    with pytest.raises(SchemaOutdated, match="migrate_store"):
        container.shop.products.adjust_stock(a_request(), apple.id, 1, None)
    assert container.migrator.migrate(30) == 3
    assert on_primary(container, ("GET", container.keys.schema)) == [str(VERSION)]
    assert container.shop.products.adjust_stock(a_request(), apple.id, 1, None).value == 9


def test_the_stock_so_far_becomes_the_first_movement_when_it_changes(container, apple):
    container.migrator.migrate(30)
    assert ledger(container, apple) == [(MovementKind.OPENING, 8)]
    assert found(container) == []
    placed(container.shop, registered(container.shop).id, units(apple, 3))
    assert ledger(container, apple) == [(MovementKind.OPENING, 8), (MovementKind.SALE, -3)]
    assert found(container) == []


def test_events_begin_with_the_first_change_after_the_migration(container, apple):
    container.migrator.migrate(30)
    assert container.shop.events.page(EventQuery(), 50, None).results == []
    container.shop.products.adjust_stock(a_request(), apple.id, 1, None)
    (event,) = container.shop.events.page(EventQuery(), 50, None).results
    assert (event.type, event.object) == ("product.stock_adjusted", apple.id)
