"""The schema of the shop's store, and how a store of an earlier one comes to it.

A new schema is a module here, appended to MIGRATIONS. Names of former keys are spelled in these modules and nowhere
else; docs/keyspace.md describes the present ones.
"""

from exactly_once import Schema
from exactly_once.namespace import Namespace
from shop.repositories.migrations import schema_2, schema_3, schema_4, schema_5

MIGRATIONS = (schema_2.MIGRATION, schema_3.MIGRATION, schema_4.MIGRATION, schema_5.MIGRATION)
VERSION = MIGRATIONS[-1].version
REMEDY = "stop every instance of the earlier version, then start one of this version or run `./manage.py migrate_store`"


def shop_schema(namespace: Namespace) -> Schema:
    """The schema of the shop that has these keys."""
    return Schema(
        migrations=MIGRATIONS,
        unversioned_keys=(namespace.key(schema_2.FORMER_REVISION),),
        remedy=REMEDY,
    )
