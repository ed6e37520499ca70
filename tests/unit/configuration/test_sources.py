"""Where variables come from: the environment, and the data directory of a stack."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from configuration import ROOT, ConfigurationError, read_shop, read_stack, shop, stack

SECRET = "a-random-text-" * 4
SENTINELS = "10.0.0.4:26379,10.0.0.5:26379,10.0.0.6:26379"


def leave(run: Path, *lines: str) -> None:
    """Leave what a stack leaves for the commands of the shop."""
    (run / "env").write_text("".join(f"{line}\n" for line in lines))


def test_commands_of_the_shop_find_the_stack(data_directory: Path):
    leave(data_directory, f"SECRET_KEY={SECRET}", f"REDIS_SENTINEL={SENTINELS}", "REDIS_MASTER_NAME=embedded")
    values = read_shop(os.environ)
    values.require()
    assert (values[shop.SECRET_KEY], values[shop.PRIMARY_NAME], len(values[shop.SENTINELS])) == (SECRET, "embedded", 3)


def test_the_environment_goes_before_the_stack(data_directory: Path, monkeypatch: pytest.MonkeyPatch):
    leave(data_directory, f"SECRET_KEY={SECRET}", f"REDIS_SENTINEL={SENTINELS}", "EVERGREEN_STORE=embedded")
    monkeypatch.setenv("EVERGREEN_STORE", "other")
    assert read_shop(os.environ)[shop.STORE] == "other"


def test_a_stack_is_not_mixed_with_other_sentinels(data_directory: Path, monkeypatch: pytest.MonkeyPatch):
    leave(data_directory, f"SECRET_KEY={SECRET}", f"REDIS_SENTINEL={SENTINELS}")
    monkeypatch.setenv("REDIS_SENTINEL", "10.9.9.9:26379")
    values = read_shop(os.environ)
    assert (values[shop.SECRET_KEY], values[shop.SENTINELS]) == ("", (("10.9.9.9", 26379),))


def test_a_stack_starts_again_as_it_was_started_last(data_directory: Path, monkeypatch: pytest.MonkeyPatch):
    record = {"EVERGREEN_PORT": "9000", "EVERGREEN_NETWORK": "127.30.0", "EVERGREEN_NGINX": ""}
    (data_directory / "stack.json").write_text(json.dumps(record))
    monkeypatch.setenv("EVERGREEN_PORT", "9001")
    values = read_stack(os.environ)
    assert (values[stack.PORT], values[stack.NETWORK], values[stack.NGINX]) == (9001, "127.30.0", "")


@pytest.mark.parametrize("text", ["{", "[]", "7", '"text"'])
def test_a_damaged_record_is_named_with_what_to_do(data_directory: Path, text: str):
    (data_directory / "stack.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"stack\.json cannot be read .*: correct it, or remove it"):
        read_stack(os.environ)


def test_a_stack_refuses_what_its_instances_could_not_start_with(data_directory: Path):
    with pytest.raises(ConfigurationError, match="GUNICORN_THREADS is 'many': give a whole number"):
        read_stack({"EVERGREEN_RUN": str(data_directory), "GUNICORN_THREADS": "many"})


def test_a_command_names_the_faults_of_the_shop_and_of_the_stack_together(data_directory: Path):
    environ = {"EVERGREEN_RUN": str(data_directory), "EVERGREEN_REPLICAS": "two", "EVERGREEN_PORT": "http"}
    with pytest.raises(ConfigurationError) as raised:
        read_shop(environ)
    assert [fault.partition(" ")[0] for fault in raised.value.faults] == ["EVERGREEN_PORT", "EVERGREEN_REPLICAS"]


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_checks_need_nothing_of_the_environment():
    assert run("manage.py", "check").returncode == 0


def test_a_command_says_in_plain_words_what_it_cannot_use(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    refused = run("manage.py", "check")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("SECRET_KEY cannot be used: it is too weak")
    assert refused.stderr.count("\n") == 1


def test_serving_without_a_secret_says_so():
    refused = run("-c", "import evergreen.wsgi")
    assert refused.returncode == 1
    assert "SECRET_KEY is missing" in refused.stderr


def test_gunicorn_says_in_plain_words_what_it_cannot_use(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUNICORN_THREADS", "many")
    monkeypatch.setenv("GUNICORN_WORKERS", "0")
    refused = run("-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--check-config", "evergreen.wsgi")
    assert refused.returncode != 0
    assert [line.partition(" ")[0] for line in refused.stderr.splitlines()] == ["GUNICORN_THREADS", "GUNICORN_WORKERS"]
