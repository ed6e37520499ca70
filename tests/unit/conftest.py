import pytest

from evergreen import logs
from shop.domain.ports import Shop
from tests.fakes import fake_shop

# A line that is written after its test is in the output of all tests, and in no report.
logs.WRITER.gather_s = 0


@pytest.fixture
def shop() -> Shop:
    return fake_shop()
