import pytest

from shop.domain.ports import Shop
from tests.fakes import fake_shop


@pytest.fixture
def shop() -> Shop:
    return fake_shop()
