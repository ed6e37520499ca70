"""The fixtures of the API, and an object store with a proxy before it."""

import itertools

import pytest

from operations.backup import s3, s3_client, s3_reader
from tests.object_store import faulty, serving
from tests.unit.api.conftest import ada, anyone, apple, boss, customer, served, shop, staff, store

__all__ = ["ada", "anyone", "apple", "boss", "customer", "served", "shop", "staff", "store"]

NUMBERS = itertools.count()


@pytest.fixture(scope="package")
def objects():
    """The object store, the same for all tests."""
    with serving() as found:
        yield found


@pytest.fixture
def prefix():
    """A prefix that no other test has."""
    return f"shop-{next(NUMBERS)}"


@pytest.fixture
def proxy(objects):
    """A proxy before the object store."""
    with faulty(objects) as found:
        yield found


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of the least size that a store takes: a backup of a few megabytes has several."""
    monkeypatch.setattr(s3, "MIN_PART_BYTES", 5 * 2**20)
    monkeypatch.setattr(s3_reader, "RANGE_BYTES", 4 * 2**20)


@pytest.fixture
def two_attempts(monkeypatch):
    """Requests are made twice at most, so that a store that is down for good is given up soon."""
    monkeypatch.setattr(s3_client, "MAX_ATTEMPTS", 2)
    monkeypatch.setattr(s3_reader, "FIRST_PAUSE_S", 0.01)
