"""A store of schema 2, which lacks the ordered indexes of categories and companies and has blocks in the place of
zones, and what this version makes of it."""

from collections.abc import Iterator

import pytest

from exactly_once.errors import SchemaOutdated
from shop.bootstrap import Container
from shop.domain.products import ProductOrder, ProductQuery
from shop.repositories.migrations import VERSION
from tests.integration.auditing import a_shop, found, on_primary, seeded
from tests.samples import a_request, in_catalogue, products_page

CREATED_AT = ProductOrder.CREATED_AT


def added_keys(container: Container) -> list[str]:
    """The keys that schema 3 added: they end in an order behind a control character, or are the zones."""
    (listed,) = on_primary(container, ("KEYS", f"{container.keys.key('')}products:*"))
    return sorted(name for name in listed if "\x01by_" in name or name == container.keys.product_zones)


def contents(container: Container) -> dict[str, object]:
    """What these keys hold; of the zones, which are no text, the number of bits."""
    names = added_keys(container)
    reading = [
        ("BITCOUNT", name) if name == container.keys.product_zones else ("ZRANGE", name, 0, -1) for name in names
    ]
    return dict(zip(names, on_primary(container, *reading), strict=True))


@pytest.fixture
def container(redis_stack) -> Iterator[Container]:
    with a_shop(redis_stack) as made:
        seeded(made)
        shop = made.shop
        in_catalogue(shop, category="", company="")
        gone = in_catalogue(shop, category="Gone")
        shop.products.withdraw(a_request(), gone.id, None)
        yield made


def former_keys(container: Container) -> list[str]:
    """The blocks and sort prefixes of the order of creation, which schema 3 dropped."""
    keys = container.keys
    block = f"{keys.product_block_prefix(CREATED_AT)}20119"
    return [keys.product_sort_prefixes(CREATED_AT), keys.product_blocks(CREATED_AT), block]


def to_schema_2(container: Container) -> None:
    column, blocks, block = former_keys(container)
    on_primary(
        container,
        ("DEL", *added_keys(container)),
        ("SETRANGE", column, 8, "8 bytes."),
        ("ZADD", blocks, 0, "20119"),
        ("SETBIT", block, 1, 1),
        ("SET", container.keys.schema, "2"),
    )


def test_a_migrated_store_has_the_indexes_that_this_version_would_have_made(container):
    # The zone of a withdrawn product stays wide in the one store, and is not made so wide in the other.
    before = contents(container)
    zones = container.keys.product_zones
    to_schema_2(container)
    assert contents(container) == {}
    assert container.migrator.migrate(30) == 2
    after = contents(container)
    assert after.pop(zones) and before.pop(zones)
    assert after == before
    assert on_primary(container, ("GET", container.keys.schema)) == [str(VERSION)]
    assert on_primary(container, ("EXISTS", *former_keys(container))) == [0]
    assert found(container) == []


def test_batches_that_run_twice_change_nothing(container):
    before = contents(container)
    on_primary(container, ("SET", container.keys.schema, "2"))
    container.migrator.migrate(30)
    assert contents(container) == before


def test_a_replica_that_lacks_the_end_of_the_migration_has_an_earlier_revision(container):
    to_schema_2(container)
    (before,) = on_primary(container, ("GET", container.keys.revision))
    container.migrator.migrate(30)
    assert on_primary(container, ("GET", container.keys.revision)) == [str(int(before) + 1)]
    # A store that is migrated already changes no more.
    container.migrator.migrate(30)
    assert on_primary(container, ("GET", container.keys.revision)) == [str(int(before) + 1)]


def test_a_process_of_this_version_refuses_to_write_until_the_store_is_migrated(container):
    to_schema_2(container)
    with pytest.raises(SchemaOutdated, match="migrate_store"):
        in_catalogue(container.shop)
    container.migrator.migrate(30)
    product = in_catalogue(container.shop, category="Late", company="One")
    for query in (ProductQuery(category="Late"), ProductQuery(company="One", order=ProductOrder.NAME)):
        assert products_page(container.shop, query, 9, None).results == [product]
