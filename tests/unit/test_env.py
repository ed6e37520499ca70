"""The environment: read once, and every fault in it named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from evergreen import env

SECRET = "s" * 50
SENTINELS = "10.0.0.4:26379, 10.0.0.5:26379,10.0.0.6:26379"


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment that says nothing but where a stack would run; its directory."""
    for name in list(os.environ):
        if name.startswith(("EVERGREEN_", "REDIS_", "SECRET_KEY")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EVERGREEN_RUN", str(tmp_path))
    return tmp_path


def faults() -> list[str]:
    with pytest.raises(ImproperlyConfigured) as raised:
        env.read()
    return str(raised.value).splitlines()


def test_an_empty_environment_will_do_for_everything_but_serving():
    read = env.read()
    assert (read.secret_key, read.sentinels, read.durability, read.replicas) == ("", (), "replicated", 2)
    assert (read.write_deadline, read.waiting_writes, read.store) == (10.0, 400, "evergreen")
    assert read.hosts == env.HERE


def test_serving_names_all_that_it_misses():
    with pytest.raises(ImproperlyConfigured) as raised:
        env.read().require()
    assert [line.partition(" ")[0] for line in str(raised.value).splitlines()] == ["SECRET_KEY", "REDIS_SENTINEL"]


def test_a_name_that_is_empty_is_missed_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDIS_MASTER_NAME", "")
    with pytest.raises(ImproperlyConfigured, match="REDIS_MASTER_NAME is missing"):
        env.read().require()


def test_values_are_typed(monkeypatch: pytest.MonkeyPatch):
    for name, value in {
        "SECRET_KEY": SECRET,
        "REDIS_SENTINEL": SENTINELS,
        "REDIS_MASTER_NAME": "mymaster",
        "EVERGREEN_HOSTS": "shop.example,127.0.0.1",
        "EVERGREEN_WRITE_DEADLINE": "2.5",
        "EVERGREEN_INSTANCE": "api-1",
        "EVERGREEN_SOURCE_ADDRESS": "10.0.0.31",
    }.items():
        monkeypatch.setenv(name, value)
    read = env.read()
    read.require()
    assert read.sentinels == (("10.0.0.4", 26379), ("10.0.0.5", 26379), ("10.0.0.6", 26379))
    assert (read.master_name, read.hosts) == ("mymaster", ("shop.example", "127.0.0.1"))
    assert (read.write_deadline, read.instance, read.source_address) == (2.5, "api-1", "10.0.0.31")


def test_every_fault_is_named_at_once(monkeypatch: pytest.MonkeyPatch):
    for name, value in {
        "SECRET_KEY": "too short",
        "REDIS_SENTINEL": "10.0.0.4",
        "EVERGREEN_DURABILITY": "eternal",
        "EVERGREEN_REPLICAS": "two",
        "EVERGREEN_STORE": "a:b",
        "EVERGREEN_WRITE_DEADLINE": "0",
    }.items():
        monkeypatch.setenv(name, value)
    assert [fault.partition(":")[0] for fault in faults()] == [
        "EVERGREEN_DURABILITY",
        "EVERGREEN_REPLICAS",
        "EVERGREEN_STORE",
        "EVERGREEN_WRITE_DEADLINE",
        "REDIS_SENTINEL",
        "SECRET_KEY",
    ]


def test_a_weak_secret_is_not_told_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    assert faults() == ["SECRET_KEY: Too weak: use a random text of at least 50 characters."]


@pytest.mark.parametrize("address", ["redis", ":26379", "redis:", "redis:0", "redis:65536", "redis:x"])
def test_an_address_has_a_host_and_a_port(monkeypatch: pytest.MonkeyPatch, address: str):
    monkeypatch.setenv("REDIS_SENTINEL", f"10.0.0.4:26379,{address}")
    assert faults()[0].startswith(f"REDIS_SENTINEL: {address} is no address")


def test_a_secret_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(file))
    assert env.read().secret_key == SECRET


def test_a_file_that_is_not_there_is_a_fault_like_any_other(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_KEY_FILE", "/nowhere/secret")
    monkeypatch.setenv("EVERGREEN_REPLICAS", "two")
    assert [fault.partition(":")[0] for fault in faults()] == ["EVERGREEN_REPLICAS", "SECRET_KEY"]


def test_a_running_stack_is_found(empty: Path):
    (empty / "env").write_text(f"SECRET_KEY={SECRET}\nREDIS_SENTINEL={SENTINELS}\nREDIS_MASTER_NAME=embedded\n")
    read = env.read()
    assert (read.secret_key, read.master_name, len(read.sentinels)) == (SECRET, "embedded", 3)


def test_what_the_environment_says_goes_before_the_stack(empty: Path, monkeypatch: pytest.MonkeyPatch):
    (empty / "env").write_text(f"SECRET_KEY={SECRET}\nREDIS_SENTINEL={SENTINELS}\nEVERGREEN_STORE=embedded\n")
    monkeypatch.setenv("EVERGREEN_STORE", "other")
    assert env.read().store == "other"


def test_a_stack_is_not_mixed_with_other_sentinels(empty: Path, monkeypatch: pytest.MonkeyPatch):
    (empty / "env").write_text(f"SECRET_KEY={SECRET}\nREDIS_SENTINEL={SENTINELS}\n")
    monkeypatch.setenv("REDIS_SENTINEL", "10.9.9.9:26379")
    assert (env.read().secret_key, env.read().sentinels) == ("", (("10.9.9.9", 26379),))


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], cwd=env.ROOT, capture_output=True, text=True, check=False)


def test_checks_need_nothing_of_the_environment():
    assert run("manage.py", "check").returncode == 0


def test_a_command_says_in_plain_words_what_it_cannot_use(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    refused = run("manage.py", "check")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "SECRET_KEY: Too weak: use a random text of at least 50 characters.\n"


def test_serving_without_a_secret_says_so():
    refused = run("-c", "import evergreen.wsgi")
    assert refused.returncode == 1
    assert "SECRET_KEY is missing" in refused.stderr
