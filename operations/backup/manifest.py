"""The manifest: a backup's description of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shop.repositories.migrations import VERSION

#: How the shop lays out its keys, as docs/keyspace.md has it. Backups of earlier schemas are migrated when they are
#: opened.
SCHEMA = VERSION


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """A backup's own description. `instant` is when the copy was asked for: every write acknowledged before is in it.
    `source` is the node that was copied, `revision` the revision that it had, `counts` how many users, products
    and purchases there are, `size` the bytes of the data and `sha256` their checksum in hexadecimal digits."""

    schema: int
    store: str
    instant: datetime
    source: str
    revision: int
    counts: Mapping[str, int]
    size: int
    sha256: str

    @property
    def contents(self) -> str:
        """The counts in words."""
        return ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items())
