"""`manage.py api_key`."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from exactly_once.errors import StoreUnavailable
from shop import bootstrap
from shop.domain.ports import Shop
from shop.management.commands import api_key
from shop.services.api_keys import api_key_caller
from tests.fakes import FakeStore, fake_shop

CREATE = ("create", "--name", "Scanner", "--scope", "stock:write", "--network", "192.0.2.0/24", "--days", "30")


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def shop(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = fake_shop(store)
    monkeypatch.setattr(bootstrap, "get_shop", lambda: made)
    return made


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("api_key", *arguments, stdout=out)
    return out.getvalue()


def caller(shop: Shop, secret: str):
    return api_key_caller(shop=shop, secret=secret, address="192.0.2.7")


def test_a_created_key_admits_its_machine(shop: Shop):
    created = json.loads(run(*CREATE))
    assert caller(shop, created["secret"]).scopes == {"stock:write"}


def test_a_list_has_no_secrets(shop: Shop):
    created = json.loads(run(*CREATE))
    listed = json.loads(run("list"))
    assert listed == {name: value for name, value in created.items() if name != "secret"}


def test_a_rolled_key_has_another_secret(shop: Shop):
    created = json.loads(run(*CREATE))
    rolled = json.loads(run("roll", created["id"], "--overlap-hours", "0"))
    assert (caller(shop, created["secret"]), caller(shop, rolled["secret"]).id) == (None, created["id"])


def test_a_revoked_key_admits_no_machine(shop: Shop):
    created = json.loads(run(*CREATE))
    run("revoke", created["id"])
    assert caller(shop, created["secret"]) is None


def test_an_unknown_key_is_an_error_with_a_status_of_its_own(shop: Shop):
    with pytest.raises(CommandError, match="no API key") as raised:
        run("revoke", "unknown")
    assert raised.value.returncode == api_key.REFUSED


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*CREATE, "--network", "192.0.2.1/24"), "no CIDR block"),
        ((*CREATE, "--days", "0"), "in the future"),
        ((*CREATE, "--days", "999999999999"), "at most 366 days"),
        ((*CREATE, "--name", "x" * 201), "The name cannot be used"),
        (("roll", "any", "--overlap-hours", "169"), "0 to 168 hours"),
    ],
)
def test_what_the_api_would_refuse_is_refused(shop: Shop, arguments: tuple[str, ...], message: str):
    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_a_store_that_cannot_answer_is_an_error(shop: Shop, store: FakeStore):
    store.unavailable = StoreUnavailable()
    with pytest.raises(CommandError, match="Is it running"):
        run(*CREATE)
