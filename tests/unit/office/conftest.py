"""The back office over a shop in memory, in browsers of staff and of others."""

import pytest
from django.test import Client

from shop.domain.users import User
from tests.unit.api.conftest import ada, apple, boss, served, shop, store
from tests.unit.office.browser import OfficeBrowser

__all__ = ["ada", "apple", "boss", "served", "shop", "store"]


@pytest.fixture
def visitor() -> OfficeBrowser:
    """Not signed in."""
    return OfficeBrowser(Client(enforce_csrf_checks=True))


@pytest.fixture
def office(boss: User) -> OfficeBrowser:
    """Signed in as staff."""
    return OfficeBrowser(Client(enforce_csrf_checks=True)).signed_in(boss)


@pytest.fixture
def colleague(boss: User) -> OfficeBrowser:
    """Another browser of staff."""
    return OfficeBrowser(Client(enforce_csrf_checks=True)).signed_in(boss)


@pytest.fixture
def shopper(ada: User) -> OfficeBrowser:
    """Signed in as a customer."""
    return OfficeBrowser(Client(enforce_csrf_checks=True)).signed_in(ada)
