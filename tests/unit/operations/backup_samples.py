"""Backups that are made up, for the tests of their targets."""

import os
from datetime import UTC, datetime, timedelta

from operations.backup.manifest import SCHEMA, Manifest

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NAME = "evergreen-20260102T030405Z.tar"
MEGABYTE = os.urandom(2**20)


def taken(hours: int = 0) -> Manifest:
    """The manifest of a backup that was begun so many hours after START."""
    return Manifest(
        schema=SCHEMA,
        store="evergreen",
        instant=START + timedelta(hours=hours),
        source="10.0.0.2:6379",
        revision=1,
        counts={},
        size=0,
        sha256="",
    )


def writing(megabytes: int):
    """Writes so many megabytes."""
    return lambda stream: [stream.write(MEGABYTE) for _ in range(megabytes)]
