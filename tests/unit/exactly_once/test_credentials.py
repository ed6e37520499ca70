from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as Disconnected

from exactly_once.client import run_once
from exactly_once.credentials import Credentials
from exactly_once.errors import NotExecuted
from tests.unit.exactly_once.test_client import server


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    (tmp_path / "password").write_text("first\n")
    return Credentials("api", tmp_path / "password")


def test_the_password_is_that_of_the_file_at_each_connection(credentials):
    assert credentials.get_credentials() == ("api", "first")
    credentials.password_file.write_text("second")
    assert credentials.get_credentials() == ("api", "second")


def test_without_the_file_there_is_no_connection(tmp_path):
    with pytest.raises(Disconnected, match="holds no password of api"):
        Credentials("api", tmp_path / "password").get_credentials()


def test_without_a_user_nothing_is_authenticated():
    assert Credentials.where_named("", "/run/secrets/password") is None


def test_a_connection_that_is_not_let_in_has_executed_nothing(credentials):
    refusal = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
    with server(refusal) as address, pytest.raises(NotExecuted, match="invalid username-password"):
        run_once(address, ("GET", "x"), credentials=credentials)


def test_a_server_without_a_free_connection_says_so_to_who_authenticates(credentials):
    with server(b"-ERR max number of clients reached\r\n") as address, pytest.raises(NotExecuted) as raised:
        run_once(address, ("GET", "x"), credentials=credentials)
    assert raised.value.reason == "maxclients"
