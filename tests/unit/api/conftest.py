import gc
import time
import unicodedata
from collections.abc import Iterator
from itertools import groupby

import pytest

from shop import bootstrap
from shop.api import authentication, exports
from shop.api.last_used import UseRecorder
from shop.domain.callers import Role
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.text import MAX_MARKS_IN_A_ROW, MAX_TEXT_CHARS
from shop.domain.users import User
from tests.fakes import FakeMailer, FakeStore, fake_shop
from tests.samples import in_catalogue, registered
from tests.unit.api.client import ApiClient

#: Of a test with hostile input; each such request took seconds.
MAX_CPU_S = 1.0


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def shop(store: FakeStore) -> Shop:
    return fake_shop(store)


@pytest.fixture
def mailer(shop: Shop) -> FakeMailer:
    """Off at first: `mailer.is_on = True`."""
    assert isinstance(shop.mailer, FakeMailer)
    return shop.mailer


@pytest.fixture(autouse=True)
def served(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "get_shop", lambda: shop)
    monkeypatch.setattr(bootstrap, "is_cut_off", lambda: False)
    monkeypatch.setattr(authentication, "_USES", UseRecorder())
    monkeypatch.setattr(exports, "_EXPORTS", exports.RunningExports())


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


def longest_run_of_marks(text: str) -> int:
    """How many characters in a row have a combining class."""
    runs = groupby(text, unicodedata.combining)
    longest = current = 0
    for combining_class, run in runs:
        current = current + len(list(run)) if combining_class else 0
        longest = max(longest, current)
    return longest


@pytest.fixture
def bounded_work(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test that normalises more than the domain's limits, or takes implausibly much CPU."""
    lengths, runs = [0], [0]
    normalize = unicodedata.normalize

    def spy(form: str, text: str) -> str:
        lengths.append(len(text))
        runs.append(longest_run_of_marks(text))
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", spy)
    # A collection of what all other tests have left can take a second by itself.
    gc.disable()
    started = time.thread_time()
    yield
    used_s = time.thread_time() - started
    gc.enable()
    assert max(lengths) <= MAX_TEXT_CHARS
    assert max(runs) <= MAX_MARKS_IN_A_ROW
    assert used_s < MAX_CPU_S
