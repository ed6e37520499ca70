"""Passwords: kept as Argon2id, compared in the same time whether or not there is one, weak ones refused."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from exactly_once.errors import StoreUnavailable
from shop import passwords
from shop.passwords import AT_ONCE, Argon2Passwords


@pytest.fixture(scope="module")
def kept_by() -> Argon2Passwords:
    return Argon2Passwords()


def test_what_is_kept_is_argon2id_at_the_cost_that_owasp_names(kept_by: Argon2Passwords):
    assert kept_by.hash("correct horse").startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_no_two_are_kept_alike(kept_by: Argon2Passwords):
    assert kept_by.hash("correct horse") != kept_by.hash("correct horse")


def test_a_password_matches_what_was_kept_of_it_and_nothing_else(kept_by: Argon2Passwords):
    kept = kept_by.hash("correct horse")
    assert kept_by.matches("correct horse", kept)
    assert not kept_by.matches("wrong horse", kept)


def test_nobody_has_no_password_not_even_nobodys(kept_by: Argon2Passwords):
    assert not kept_by.matches("nobody's password", None)


@pytest.mark.parametrize("password_hash", ["!", "", "md5$salt$hash"])
def test_what_is_no_hash_of_ours_matches_no_password(kept_by: Argon2Passwords, password_hash: str):
    assert not kept_by.matches("nobody's password", password_hash)


def test_nobodys_password_costs_a_comparison_as_well(kept_by: Argon2Passwords, monkeypatch: pytest.MonkeyPatch):
    compared: list[str] = []
    verify = kept_by._hasher.verify
    monkeypatch.setattr(kept_by._hasher, "verify", lambda *given: compared.append(given[1]) or verify(*given))
    kept_by.matches("wrong horse", None)
    assert compared == [kept_by._nobodys]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password-too-short"),
        ("password123", "password-too-common"),
        ("8439172650", "password-entirely-numeric"),
        ("ada@example.com", "password-too-similar"),
        ("lovelace", "password-too-similar"),
    ],
)
def test_weak_passwords_are_refused(kept_by: Argon2Passwords, password: str, code: str):
    found = kept_by.weaknesses(password, "ada@example.com", "Ada", "Lovelace")
    assert [(fault.pointer, fault.code) for fault in found] == [("/password", code)]


def test_strong_passwords_are_not(kept_by: Argon2Passwords):
    assert kept_by.weaknesses("correct horse battery staple", "ada@example.com", "Ada", "Lovelace") == []


def test_no_more_than_a_few_are_worked_on_at_once(monkeypatch: pytest.MonkeyPatch):
    made = Argon2Passwords()
    working, most, lock = 0, 0, threading.Lock()
    release = threading.Event()

    def slow(password: str, salt: str) -> str:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        release.wait(0.05)
        with lock:
            working -= 1
        return password

    monkeypatch.setattr(made._hasher, "encode", slow)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(made.hash, ["correct horse"] * 8))
    assert most == AT_ONCE


def test_who_waits_too_long_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch):
    made, begun, release = Argon2Passwords(), threading.Semaphore(0), threading.Event()
    hashed: list[str] = []

    def slow(password: str, salt: str) -> str:
        begun.release()
        release.wait(10)
        hashed.append(password)
        return password

    monkeypatch.setattr(made._hasher, "encode", slow)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        busy = [threads.submit(made.hash, "correct horse") for _ in range(AT_ONCE)]
        for _ in busy:
            begun.acquire(timeout=10)
        monkeypatch.setattr(passwords, "PATIENCE", 0.01)
        with pytest.raises(StoreUnavailable):
            made.hash("battery staple")
        release.set()
        assert [each.result() for each in busy] == ["correct horse"] * AT_ONCE
    assert "battery staple" not in hashed
