"""`manage.py create_staff`."""

import getpass
import io
import json

import pytest
from django.core.management import CommandError, call_command

from exactly_once.errors import StoreUnavailable
from shop import bootstrap
from shop.domain.callers import Role
from shop.domain.ports import Shop
from shop.management.commands import create_staff
from tests.fakes import FakeStore, fake_shop

EMAIL = "boss@example.com"


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def shop(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = fake_shop(store)
    monkeypatch.setattr(bootstrap, "get_shop", lambda: made)
    return made


def run(*arguments: str, email: str = EMAIL) -> str:
    out = io.StringIO()
    call_command("create_staff", "--email", email, *arguments, stdout=out)
    return out.getvalue()


def test_a_generated_password_is_told_once_and_lets_staff_in(shop: Shop):
    said = json.loads(run("--generate", "--json"))
    kept = shop.users.credentials(EMAIL)
    assert said["email"] == EMAIL
    assert shop.passwords.matches(said["password"], kept.password_hash)
    assert kept.user.role is Role.STAFF


def test_people_are_told_in_words(shop: Shop):
    said = run("--generate")
    assert f"{EMAIL} runs the shop now." in said
    assert "shown this once" in said


def test_without_it_the_password_is_asked_for_and_not_told(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(getpass, "getpass", lambda _: "correct horse")
    assert json.loads(run("--json")) == {"email": EMAIL}
    assert shop.passwords.matches("correct horse", shop.users.credentials(EMAIL).password_hash)


def test_two_different_passwords_are_none(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    typed = iter(["correct horse", "another horse"])
    monkeypatch.setattr(getpass, "getpass", lambda _: next(typed))
    with pytest.raises(CommandError, match="two different passwords"):
        run()


def test_an_address_that_is_taken_is_said(shop: Shop):
    run("--generate")
    with pytest.raises(CommandError, match=f"{EMAIL} already") as raised:
        run("--generate")
    assert raised.value.returncode == create_staff.TAKEN


def test_what_is_no_address_is_said(shop: Shop):
    with pytest.raises(CommandError, match="no email address"):
        run("--generate", email="boss")


def test_a_weak_password_is_said(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(getpass, "getpass", lambda _: "short")
    with pytest.raises(CommandError, match="at least 8 characters"):
        run()


def test_a_store_that_cannot_answer_is_said(shop: Shop, store: FakeStore):
    store.unavailable = StoreUnavailable()
    with pytest.raises(CommandError, match="Is it running"):
        run("--generate")


@pytest.mark.parametrize("email", ["a" * 201, "a" + "\u0315\u0316" * 20, "a" + "\u0315\u0316" * 230_000])
def test_an_address_that_is_costly_to_compare_is_refused(shop: Shop, email: str):
    with pytest.raises(CommandError, match="The address cannot be used"):
        run("--generate", email=email)


def test_a_password_too_long_to_sign_in_with_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(getpass, "getpass", lambda _: "x" * 201)
    with pytest.raises(CommandError, match="Use at most 200 characters"):
        run()


def test_reset_sets_the_password_of_the_user_with_the_address(shop: Shop):
    run("--generate")
    said = json.loads(run("--reset", "--generate", "--json"))
    assert shop.passwords.matches(said["password"], shop.users.credentials(EMAIL).password_hash)


def test_reset_of_an_unknown_address_is_an_error_with_a_status_of_its_own(shop: Shop):
    with pytest.raises(CommandError) as raised:
        run("--reset", "--generate")
    assert raised.value.returncode == 3
    assert shop.users.credentials(EMAIL) is None
