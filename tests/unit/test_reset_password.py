"""`manage.py reset_password`."""

import getpass
import io
import json

import pytest
from django.core.management import CommandError, call_command

from exactly_once.errors import StoreUnavailable
from shop import bootstrap
from shop.domain.ports import Shop
from shop.management import passwords
from tests.fakes import FakeStore, fake_shop
from tests.samples import PASSWORD, registered, signed_in

EMAIL = "ada@example.com"


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def shop(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = fake_shop(store)
    monkeypatch.setattr(bootstrap, "get_shop", lambda: made)
    registered(made, email=EMAIL)
    return made


def run(*arguments: str, email: str = EMAIL) -> str:
    out = io.StringIO()
    call_command("reset_password", "--email", email, *arguments, stdout=out)
    return out.getvalue()


def password_hash(shop: Shop) -> str:
    return shop.users.credentials(EMAIL).password_hash


def test_a_generated_password_replaces_the_lost_one(shop: Shop):
    printed = json.loads(run("--generate", "--json", email="ADA@example.com"))
    assert shop.passwords.matches(printed["password"], password_hash(shop))
    assert not shop.passwords.matches(PASSWORD, password_hash(shop))


def test_a_typed_password_is_not_printed(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(getpass, "getpass", lambda _: "another horse")
    assert json.loads(run("--json")) == {"email": EMAIL}
    assert shop.passwords.matches("another horse", password_hash(shop))


def test_every_token_of_the_user_is_revoked(shop: Shop):
    caller = signed_in(shop, shop.users.credentials(EMAIL).user)
    assert "is signed out everywhere" in run("--generate")
    assert shop.users.caller(caller.token, "another") is None


def test_an_unknown_address_is_an_error_with_a_status_of_its_own(shop: Shop):
    with pytest.raises(CommandError, match="No user has the address") as raised:
        run("--generate", email="eve@example.com")
    assert raised.value.returncode == passwords.UNKNOWN


def test_a_weak_password_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(getpass, "getpass", lambda _: "short")
    with pytest.raises(CommandError, match="at least 8 characters"):
        run()


def test_a_store_that_cannot_answer_is_an_error(shop: Shop, store: FakeStore):
    store.unavailable = StoreUnavailable()
    with pytest.raises(CommandError, match="Is it running"):
        run("--generate")
