"""A store of schema 4, which lacks the ordered indexes of companies and categories together, and what this version
makes of it."""

from collections.abc import Iterator

import pytest

from exactly_once.errors import SchemaOutdated
from shop.bootstrap import Container
from shop.domain.products import Product, ProductOrder, ProductQuery
from shop.repositories.migrations import VERSION
from tests.integration.auditing import a_shop, found, on_primary, seeded
from tests.samples import a_request, in_catalogue, products_page

BOTH = ProductQuery(company="Orchard", category="Fruit", order=ProductOrder.NAME, descending=False)


@pytest.fixture
def container(redis_stack) -> Iterator[Container]:
    with a_shop(redis_stack) as made:
        seeded(made)
        for category, company in (("", ""), ("Fruit", ""), ("", "Orchard")):
            in_catalogue(made.shop, category=category, company=company)
        gone = in_catalogue(made.shop, category="Fruit", company="Orchard")
        made.shop.products.withdraw(a_request(), gone.id, None)
        yield made


@pytest.fixture
def products(container) -> list[Product]:
    """Two products of schema 4 that are of the company and in the category."""
    names = ("apple", "pear")
    return [in_catalogue(container.shop, name=name, category="Fruit", company="Orchard") for name in names]


def contents(container: Container) -> dict[str, object]:
    """The ordered indexes of companies and categories together, and what they hold."""
    (names,) = on_primary(container, ("KEYS", f"{container.keys.company_prefix}*\x01category:*"))
    return dict(zip(names, on_primary(container, *(("ZRANGE", name, 0, -1) for name in names)), strict=True))


def to_schema_4(container: Container) -> None:
    on_primary(container, ("DEL", *contents(container)), ("SET", container.keys.schema, "4"))


def test_a_migrated_store_has_the_indexes_that_this_version_would_have_made(container, products):
    before = contents(container)
    to_schema_4(container)
    assert contents(container) == {}
    assert container.migrator.migrate(30) == 4
    assert contents(container) == before
    assert on_primary(container, ("GET", container.keys.schema)) == [str(VERSION)]
    assert found(container) == []
    assert products_page(container.shop, BOTH, 9, None).results == products


def test_batches_that_run_twice_change_nothing(container, products):
    before = contents(container)
    on_primary(container, ("SET", container.keys.schema, "4"))
    container.migrator.migrate(30)
    assert contents(container) == before


def test_a_process_of_this_version_refuses_to_write_until_the_store_is_migrated(container, products):
    to_schema_4(container)
    with pytest.raises(SchemaOutdated, match="migrate_store"):
        in_catalogue(container.shop)
    container.migrator.migrate(30)
    added = in_catalogue(container.shop, name="quince", category="Fruit", company="Orchard")
    assert products_page(container.shop, BOTH, 9, None).results == [*products, added]
