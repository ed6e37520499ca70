"""Reading variables: typed, and every fault at once."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from configuration import ConfigurationError, Scope, Values, read, shop, table
from configuration import server as gunicorn
from configuration.limits import MAX_QUEUED_REQUESTS, WRITE_DEADLINE_S

SECRET = "a-random-text-" * 4
SENTINELS = "10.0.0.4:26379, 10.0.0.5:26379,10.0.0.6:26379"


def faults(environ: Mapping[str, str], scope: Scope = Scope.API) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        read(scope, environ)
    return raised.value.faults


def required(values: Values) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        values.require()
    return raised.value.faults


@pytest.mark.parametrize("variable", table.VARIABLES, ids=lambda variable: variable.name)
def test_a_default_is_a_value_that_can_be_used(variable):
    assert variable.form.parse(variable.default) is not None


def test_a_name_is_declared_once():
    names = [variable.name for variable in table.VARIABLES]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("scope", [Scope.API, Scope.STACK, Scope.ALERTING, Scope.GUNICORN, Scope.EXPORTER])
def test_an_empty_environment_can_be_read(scope):
    values = read(scope, {})
    assert [values[variable] for variable in table.VARIABLES if scope in variable.scopes] != []


def test_values_are_typed():
    values = read(
        Scope.API,
        {
            "SECRET_KEY": SECRET,
            "REDIS_SENTINEL": SENTINELS,
            "EVERGREEN_HOSTS": "Shop.example, .shop.example, 127.0.0.1, [0::1]",
            "EVERGREEN_TRUSTED_PROXIES": "10.0.0.5, fd00::/8",
            "EVERGREEN_CORS_ORIGINS": "https://www.shop.example, http://localhost:3000",
            "EVERGREEN_WRITE_DEADLINE_S": "2.5",
            "EVERGREEN_MAX_QUEUED_REQUESTS": "0",
            "EVERGREEN_SOURCE_ADDRESS": "10.0.0.31",
        },
    )
    assert values[shop.SENTINELS] == (("10.0.0.4", 26379), ("10.0.0.5", 26379), ("10.0.0.6", 26379))
    assert values[shop.HOSTS] == ("shop.example", ".shop.example", "127.0.0.1", "[::1]")
    assert values[shop.TRUSTED_PROXIES] == ("10.0.0.5/32", "fd00::/8")
    assert values[shop.CORS_ORIGINS] == ("https://www.shop.example", "http://localhost:3000")
    assert (values[WRITE_DEADLINE_S], values[MAX_QUEUED_REQUESTS]) == (2.5, 0)
    assert values[shop.SOURCE_ADDRESS] == "10.0.0.31"


def test_an_empty_variable_counts_as_not_set():
    assert read(Scope.API, {"EVERGREEN_WRITE_DEADLINE_S": " "})[WRITE_DEADLINE_S] == 10.0


def test_every_fault_is_named_at_once():
    found = faults(
        {
            "SECRET_KEY": "too short",
            "REDIS_SENTINEL": "10.0.0.4",
            "EVERGREEN_DURABILITY": "eternal",
            "EVERGREEN_REPLICAS": "two",
            "EVERGREEN_STORE": "a:b",
            "EVERGREEN_WRITE_DEADLINE_S": "0",
            "EVERGREEN_WAITING_WRITES": "400",
        }
    )
    assert found == (
        "EVERGREEN_DURABILITY is 'eternal': give one of memory, replicated, fsynced.",
        "EVERGREEN_REPLICAS is 'two': give a whole number from 0 to 100.",
        "EVERGREEN_STORE is 'a:b': use lower case letters, digits, _ and -.",
        "EVERGREEN_WAITING_WRITES is not a variable of this project: set EVERGREEN_MAX_WAITING_WRITES instead.",
        "EVERGREEN_WRITE_DEADLINE_S is '0': give a number from 0.1 to 14.",
        "REDIS_SENTINEL is '10.0.0.4': give host:port,host:port,host:port.",
        "SECRET_KEY cannot be used: it is too weak; use a random text of at least 50 characters.",
    )


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "1e3", "ten"])
def test_a_number_outside_its_limits_is_refused(text):
    assert faults({"EVERGREEN_WRITE_DEADLINE_S": text})[0].startswith(f"EVERGREEN_WRITE_DEADLINE_S is {text!r}: give ")


@pytest.mark.parametrize("address", ["redis", ":26379", "redis:", "redis:0", "redis:65536", "redis:x"])
def test_an_address_has_a_host_and_a_port(address):
    assert faults({"REDIS_SENTINEL": f"10.0.0.4:26379,{address}"})[0].startswith("REDIS_SENTINEL is ")


def test_a_name_like_none_that_is_declared_points_to_the_reference():
    assert faults({"EVERGREEN_XYZ": "1"})[0].endswith("unset it; docs/configuration.md lists all.")


def test_a_variable_that_another_program_owns_is_ignored():
    assert read(Scope.API, {"PATH": "/bin", "REDIS_URL": "redis://"})[shop.STORE] == "evergreen"


def test_a_weak_secret_is_not_repeated():
    assert "hunter2" not in "".join(faults({"SECRET_KEY": "hunter2"}))


def test_a_secret_can_be_given_as_a_file(tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    assert read(Scope.API, {"SECRET_KEY_FILE": str(file)})[shop.SECRET_KEY] == SECRET


def test_a_file_that_is_missing_is_a_fault_like_any_other():
    found = faults({"SECRET_KEY_FILE": "/nowhere/secret", "EVERGREEN_REPLICAS": "two"})
    assert [fault.partition(" ")[0] for fault in found] == ["EVERGREEN_REPLICAS", "SECRET_KEY_FILE"]


def test_a_secret_given_twice_is_refused():
    assert faults({"SECRET_KEY": SECRET, "SECRET_KEY_FILE": "/run/secrets/key"}) == (
        "SECRET_KEY and SECRET_KEY_FILE are both set: unset one of them.",
    )


def test_serving_names_everything_that_is_missing():
    assert [line.partition(" ")[0] for line in required(read(Scope.API, {}))] == ["SECRET_KEY", "REDIS_SENTINEL"]


def test_a_needed_variable_that_is_set_to_nothing_is_missing_although_it_has_a_default():
    values = read(Scope.API, {"SECRET_KEY": SECRET, "REDIS_SENTINEL": SENTINELS, "REDIS_MASTER_NAME": ""})
    assert required(values) == ("REDIS_MASTER_NAME is missing: give the name by which the Sentinels know the store.",)


def test_what_is_complete_can_be_served():
    assert read(Scope.API, {"SECRET_KEY": SECRET, "REDIS_SENTINEL": SENTINELS}).require() is None


def test_threads_are_refused_that_requests_can_use_up():
    assert read(Scope.GUNICORN, {"GUNICORN_THREADS": "768"})[gunicorn.THREADS] == 768
    assert faults({"GUNICORN_THREADS": "767"}, Scope.GUNICORN)[0].startswith(
        "GUNICORN_THREADS is 767: give at least 768, the sum of EVERGREEN_MAX_CONCURRENT_REQUESTS, "
    )


def test_lower_limits_need_fewer_threads():
    values = read(Scope.GUNICORN, {"GUNICORN_THREADS": "468", "EVERGREEN_MAX_QUEUED_REQUESTS": "0"})
    assert values[gunicorn.THREADS] == 468
