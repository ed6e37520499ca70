import pytest
from hypothesis import settings

from shop.domain.ports import Shop
from tests.fakes import fake_shop

settings.register_profile("unit", deadline=None)
settings.load_profile("unit")


@pytest.fixture
def shop() -> Shop:
    return fake_shop()
