"""The account at Stripe: a key never goes over a network in the clear, nor without a way to verify events."""

from pathlib import Path

import pytest

from configuration import ConfigurationError, Scope, payments, read

KEY, SECRET = "sk_test_0123456789", "whsec_0123456789"
ACCOUNT = {payments.STRIPE_KEY.name: KEY, payments.STRIPE_WEBHOOK_SECRET.name: SECRET}


def faults(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as raised:
        read(Scope.API, environ)
    return str(raised.value)


def test_an_account_is_read_from_files(tmp_path: Path):
    tmp_path.joinpath("key").write_text(f"{KEY}\n")
    tmp_path.joinpath("secret").write_text(f"{SECRET}\n")
    values = read(
        Scope.API,
        {
            payments.STRIPE_KEY.file_name: str(tmp_path / "key"),
            payments.STRIPE_WEBHOOK_SECRET.file_name: str(tmp_path / "secret"),
        },
    )
    assert (values[payments.STRIPE_KEY], values[payments.STRIPE_WEBHOOK_SECRET]) == (KEY, SECRET)
    assert values[payments.STRIPE_API] == "https://api.stripe.com"


def test_empty_files_are_no_account(tmp_path: Path):
    empty = tmp_path / "empty"
    empty.write_text("")
    values = read(Scope.API, {payments.STRIPE_KEY.file_name: str(empty)})
    assert values[payments.STRIPE_KEY] == ""


def test_a_key_without_the_secret_of_its_webhooks_is_refused():
    assert "EVERGREEN_STRIPE_WEBHOOK_SECRET is missing" in faults({payments.STRIPE_KEY.name: KEY})


@pytest.mark.parametrize("key", ["pk_test_0123456789", "sk_abc", "sk_test 0123456789", "sk_test_0123\nX-Header: 1"])
def test_what_is_no_secret_key_is_refused_and_not_repeated(key: str):
    text = faults({**ACCOUNT, payments.STRIPE_KEY.name: key})
    assert text.startswith("EVERGREEN_STRIPE_KEY cannot be used")
    assert key not in text


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8420", "http://localhost:8420", "https://stripe.proxy.example"])
def test_a_simulation_on_this_machine_may_be_called_without_tls(origin: str):
    assert read(Scope.API, {**ACCOUNT, payments.STRIPE_API.name: origin})[payments.STRIPE_API] == origin


@pytest.mark.parametrize(
    "origin",
    ["http://api.stripe.com", "http://127.0.0.1.example", "http://10.0.0.1", "https://user@api.example", "ftp://a"],
)
def test_a_key_goes_to_other_machines_by_tls_alone(origin: str):
    assert "EVERGREEN_STRIPE_API is" in faults({**ACCOUNT, payments.STRIPE_API.name: origin})


def test_a_provider_that_customers_may_choose_needs_its_account():
    assert "EVERGREEN_STRIPE_KEY is missing" in faults({payments.PAYMENT_PROVIDERS.name: "fake,stripe"})
    assert read(Scope.API, {**ACCOUNT, payments.PAYMENT_PROVIDERS.name: "stripe"})[payments.STRIPE_KEY] == KEY
