import subprocess
import sys

import pytest
import yaml

from configuration import ConfigurationError
from operations.alerting import Delivery, alertmanager, read

MAIL = {
    "EVERGREEN_ALERT_TO": "ops@example.com",
    "EVERGREEN_ALERT_SMTP": "mail.example.com:587",
    "EVERGREEN_ALERT_SMTP_USER": "shop",
    "EVERGREEN_ALERT_SMTP_PASSWORD": 'a "quoted": password\\',
}


def routes(delivery: Delivery) -> dict:
    return yaml.safe_load(alertmanager(delivery))["route"]


def test_nothing_set_means_that_nobody_is_told():
    route = routes(read({}))
    assert route["receiver"] == "nobody"
    assert route["routes"][0]["receiver"] == "nobody"


def test_an_address_gets_mail_from_itself_unless_another_sender_is_named():
    assert read(MAIL).sender == "ops@example.com"
    assert read({**MAIL, "EVERGREEN_ALERT_FROM": "shop@example.com"}).sender == "shop@example.com"
    assert routes(read(MAIL))["receiver"] == "mail"


def test_a_password_arrives_as_it_was_given_whatever_is_in_it():
    assert yaml.safe_load(alertmanager(read(MAIL)))["global"]["smtp_auth_password"] == 'a "quoted": password\\'


def test_encryption_is_demanded_unless_it_is_switched_off():
    assert read(MAIL).tls is True
    assert read({"EVERGREEN_ALERT_SMTP_TLS": "off"}).tls is False


def test_who_expects_a_sign_of_life_gets_it():
    assert (
        routes(read({"EVERGREEN_ALERT_WATCHDOG_URL": "https://example.com/x"}))["routes"][0]["receiver"] == "watchdog"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVERGREEN_ALERT_TO", "ops"),
        ("EVERGREEN_ALERT_SMTP", "mail.example.com"),
        ("EVERGREEN_ALERT_SMTP_TLS", "yes"),
        ("EVERGREEN_ALERT_WATCHDOG_URL", "example.com"),
    ],
)
def test_what_makes_no_sense_is_named_with_what_it_should_be(name, value):
    with pytest.raises(ConfigurationError, match=rf"^{name} is '{value}': give "):
        read({name: value})


def test_the_file_is_written_from_the_environment(tmp_path):
    output = tmp_path / "alertmanager.yml"
    subprocess.run([sys.executable, "-m", "operations.alerting", output], env=MAIL, check=True)
    assert output.read_text() == alertmanager(read(MAIL))


def test_what_makes_no_sense_is_one_line_and_no_file(tmp_path):
    output = tmp_path / "alertmanager.yml"
    command = [sys.executable, "-m", "operations.alerting", output]
    result = subprocess.run(command, env={"EVERGREEN_ALERT_TO": "ops"}, capture_output=True, text=True)
    assert result.stderr == "EVERGREEN_ALERT_TO is 'ops': give a mail address.\n"
    assert (result.returncode, output.exists()) == (1, False)
