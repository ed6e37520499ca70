"""`manage.py revoke_all_tokens`."""

import io

import pytest
from django.core.management import CommandError, call_command

from exactly_once.errors import StoreUnavailable
from shop import bootstrap
from shop.domain.callers import Scope
from shop.services.api_keys import api_key_caller
from tests.fakes import FakeStore, fake_shop
from tests.samples import an_api_key, as_staff, registered, signed_in


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("revoke_all_tokens", *arguments, stdout=out)
    return out.getvalue()


def test_every_user_is_signed_out_and_may_sign_in_again(monkeypatch: pytest.MonkeyPatch):
    shop = fake_shop()
    monkeypatch.setattr(bootstrap, "get_shop", lambda: shop)
    user = registered(shop)
    callers, key = [signed_in(shop, user), as_staff(shop)], an_api_key(shop, Scope.USERS_READ)
    assert "has to sign in again" in run("--yes")
    assert [shop.users.caller(caller.token, "another") for caller in callers] == [None, None]
    assert api_key_caller(shop=shop, secret=key.secret, address="127.0.0.1")
    assert shop.users.caller(signed_in(shop, user).token, "another")


def test_it_is_not_done_without_yes():
    with pytest.raises(CommandError, match="--yes"):
        run()


def test_a_store_that_cannot_answer_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "get_shop", lambda: fake_shop(FakeStore(unavailable=StoreUnavailable())))
    with pytest.raises(CommandError, match="Is it running"):
        run("--yes")
