"""Passwords: hashed by Argon2id, compared in the same time with or without a hash, weak ones refused."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from exactly_once.errors import StoreUnavailable
from shop import passwords
from shop.passwords import MAX_CONCURRENT_HASHES, Argon2Passwords
from tests.stack_fixtures import wait_until


@pytest.fixture(scope="module")
def hasher() -> Argon2Passwords:
    return Argon2Passwords()


def test_a_hash_is_argon2id_at_the_cost_that_owasp_recommends(hasher: Argon2Passwords):
    assert hasher.hash("correct horse").startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_two_hashes_of_one_password_differ(hasher: Argon2Passwords):
    assert hasher.hash("correct horse") != hasher.hash("correct horse")


def test_only_the_password_of_a_hash_matches_it(hasher: Argon2Passwords):
    password_hash = hasher.hash("correct horse")
    assert hasher.matches("correct horse", password_hash)
    assert not hasher.matches("wrong horse", password_hash)


def test_no_password_matches_without_a_hash_not_even_the_decoys(hasher: Argon2Passwords):
    assert not hasher.matches("decoy", None)


@pytest.mark.parametrize("password_hash", ["!", "", "md5$salt$hash"])
def test_no_password_matches_a_foreign_hash(hasher: Argon2Passwords, password_hash: str):
    assert not hasher.matches("decoy", password_hash)


def test_without_a_hash_the_decoys_is_compared(hasher: Argon2Passwords, monkeypatch: pytest.MonkeyPatch):
    compared: list[str] = []
    verify = hasher._hasher.verify
    monkeypatch.setattr(hasher._hasher, "verify", lambda *given: compared.append(given[1]) or verify(*given))
    hasher.matches("wrong horse", None)
    assert compared == [hasher._decoy_hash]


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
def test_weak_passwords_are_refused(hasher: Argon2Passwords, password: str, code: str):
    errors = hasher.weaknesses(password, "ada@example.com", "Ada", "Lovelace")
    assert [(error.pointer, error.code) for error in errors] == [("/password", code)]


def test_strong_passwords_are_accepted(hasher: Argon2Passwords):
    assert hasher.weaknesses("correct horse battery staple", "ada@example.com", "Ada", "Lovelace") == []


def test_hashes_at_once_are_limited(monkeypatch: pytest.MonkeyPatch):
    hasher = Argon2Passwords()
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

    monkeypatch.setattr(hasher._hasher, "encode", slow)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(hasher.hash, ["correct horse"] * 8))
    assert most == MAX_CONCURRENT_HASHES


@pytest.fixture
def blocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Argon2Passwords, list[str], threading.Event]]:
    """A hasher of one hash at once that waits; what it has hashed; and the event at which it goes on."""
    hasher, hashed, release = Argon2Passwords(max_concurrent=1, max_queued=16), [], threading.Event()

    def slow(password: str, salt: str) -> str:
        release.wait(10)
        hashed.append(password)
        return password

    monkeypatch.setattr(hasher._hasher, "encode", slow)
    monkeypatch.setattr(passwords, "HASH_TIMEOUT_S", 20)
    yield hasher, hashed, release
    release.set()


def hash_for(hasher: Argon2Passwords, network: str, password: str) -> str:
    passwords.HASH_SOURCE.set(network)
    return hasher.hash(password)


def waiting(hasher: Argon2Passwords, count: int) -> None:
    wait_until(lambda: hasher._queue.waiting == count)


def test_a_network_with_one_hash_does_not_wait_for_all_of_another_one(blocked):
    hasher, hashed, release = blocked
    with ThreadPoolExecutor(6) as threads:
        threads.submit(hash_for, hasher, "flood", "first")
        for number in range(3):
            threads.submit(hash_for, hasher, "flood", f"flood-{number}")
            waiting(hasher, number + 1)
        threads.submit(hash_for, hasher, "home", "home")
        waiting(hasher, 4)
        release.set()
    assert hashed.index("home") <= 2


def test_a_network_has_a_quarter_of_the_queue(blocked):
    hasher, _, release = blocked
    with ThreadPoolExecutor(8) as threads:
        threads.submit(hash_for, hasher, "flood", "first")
        for number in range(3):
            threads.submit(hash_for, hasher, "flood", f"flood-{number}")
            waiting(hasher, number + 1)
        with pytest.raises(StoreUnavailable):
            threads.submit(hash_for, hasher, "flood", "one too many").result()
        home = threads.submit(hash_for, hasher, "home", "home")
        waiting(hasher, 4)
        release.set()
        assert home.result() == "home"


def test_a_hash_that_waits_too_long_is_cancelled_and_store_unavailable(monkeypatch: pytest.MonkeyPatch):
    hasher, begun, release = Argon2Passwords(), threading.Semaphore(0), threading.Event()
    hashed: list[str] = []

    def slow(password: str, salt: str) -> str:
        begun.release()
        release.wait(10)
        hashed.append(password)
        return password

    monkeypatch.setattr(hasher._hasher, "encode", slow)
    with ThreadPoolExecutor(MAX_CONCURRENT_HASHES) as threads:
        busy = [threads.submit(hasher.hash, "correct horse") for _ in range(MAX_CONCURRENT_HASHES)]
        for _ in busy:
            begun.acquire(timeout=10)
        monkeypatch.setattr(passwords, "HASH_TIMEOUT_S", 0.01)
        with pytest.raises(StoreUnavailable):
            hasher.hash("battery staple")
        release.set()
        assert [each.result() for each in busy] == ["correct horse"] * MAX_CONCURRENT_HASHES
    assert "battery staple" not in hashed


def test_a_hash_of_other_parameters_is_outdated(hasher: Argon2Passwords):
    former = Argon2PasswordHasher()
    former.time_cost = 1
    assert hasher.is_outdated(former.encode("correct horse", former.salt()))
    assert not hasher.is_outdated(hasher.hash("correct horse"))
