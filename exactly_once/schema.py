"""The version of a store's layout, and the rule that no process works with a version other than its own.

The key `schema` holds the version, or `1>2` while a migration from 1 to 2 is unfinished. The first write of a store
sets it, and every write compares it with the version of its process before anything else (lua/write.lua). A store that
holds something and has no such key is of version 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from exactly_once.errors import SchemaFault, SchemaOutdated, SchemaTooNew
from exactly_once.namespace import Namespace
from exactly_once.reads import Consistency, Reader

#: Between two versions in the key, while a migration is unfinished.
TO = ">"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A part of a migration, in Lua. It runs batch by batch: the body knows its `cursor`, at first '0', the `tag` that
    every key begins with, and its `args` by their names. It ends with `return done_until(next_cursor, changes)`; after
    the cursor '0' the step is complete. A batch must be short, and harmless where it runs again."""

    name: str
    body: str
    args: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """The way from the version before to this one."""

    version: int
    steps: Sequence[Step]


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """What an application declares of its layout: every migration from version 1 on, in order. `unversioned_keys` are
    those of which a store of version 1 has at least one, apart from the engine's; `remedy` tells how to migrate."""

    migrations: Sequence[Migration] = ()
    unversioned_keys: Sequence[str] = ()
    remedy: str = "migrate it"

    @property
    def version(self) -> int:
        return self.migrations[-1].version if self.migrations else 1

    def after(self, version: int) -> Sequence[Migration]:
        """The migrations that a store of this version needs."""
        return [migration for migration in self.migrations if migration.version > version]

    def fault(self, stored: str) -> SchemaFault | None:
        """Why a process of this schema does not work with a store in which this is stored; None where it does."""
        if stored == str(self.version):
            return None
        if max(versions(stored)) > self.version:
            return SchemaTooNew(
                f"The store has schema {stored}, and this version works with schema {self.version}: start the version "
                f"that has migrated the store, or a later one; or restore a backup of schema {self.version}."
            )
        return SchemaOutdated(
            f"The store has schema {stored}, and this version works with schema {self.version}: {self.remedy}."
        )


def versions(stored: str) -> tuple[int, ...]:
    """The versions in a stored text: of the store, and where it is being migrated the one to come."""
    return tuple(int(version) for version in stored.split(TO))


class SchemaGate:
    """Lets reads and writes of a process through once the store has the schema of the process. Safe to share between
    threads."""

    def __init__(self, reader: Reader, namespace: Namespace, schema: Schema | None) -> None:
        self._reader = reader
        self._schema = schema
        self._query = ("MGET", namespace.schema, namespace.revision, *(schema.unversioned_keys if schema else ()))
        self._is_open = schema is None

    @property
    def version(self) -> str:
        """What write.lua compares; empty where the application declares no schema."""
        return str(self._schema.version) if self._schema else ""

    def require(self) -> None:
        """Return where the store has the schema of this process, or nothing at all.

        Raises:
            SchemaOutdated, SchemaTooNew.
            StoreUnavailable: no node answers.
        """
        if self._is_open or self._schema is None:
            return
        stored, *others = self._reader.read(self._query, Consistency.LINEARIZABLE)
        if stored is None and not any(others):
            return
        fault = self._schema.fault(stored or "1")
        if fault:
            raise fault
        self._is_open = True

    def refusal(self, stored: str) -> SchemaFault:
        """The error of a write whose script found this in the store; the next read asks again."""
        self._is_open = self._schema is None
        fault = self._schema.fault(stored) if self._schema else None
        return fault or SchemaFault(f"The store had the schema {stored} a moment ago: try again.")
