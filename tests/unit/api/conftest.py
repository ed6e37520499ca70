import pytest

from shop import bootstrap
from shop.domain.callers import Role
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.users import User
from tests.fakes import FakeStore, fake_shop
from tests.samples import in_catalogue, registered
from tests.unit.api.client import ApiClient


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def shop(store: FakeStore) -> Shop:
    return fake_shop(store)


@pytest.fixture(autouse=True)
def served(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "get_shop", lambda: shop)
    monkeypatch.setattr(bootstrap, "is_cut_off", lambda: False)


@pytest.fixture
def ada(shop: Shop) -> User:
    return registered(shop, email="ada@example.com")


@pytest.fixture
def boss(shop: Shop) -> User:
    return registered(shop, email="boss@example.com", role=Role.STAFF)


@pytest.fixture
def anyone() -> ApiClient:
    return ApiClient()


@pytest.fixture
def customer(anyone: ApiClient, ada: User) -> ApiClient:
    return anyone.signed_in(ada)


@pytest.fixture
def staff(anyone: ApiClient, boss: User) -> ApiClient:
    return anyone.signed_in(boss)


@pytest.fixture
def apple(shop: Shop) -> Product:
    return in_catalogue(shop, sku="APPLE", stock=10)
