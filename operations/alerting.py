"""Alertmanager's configuration: monitoring/alertmanager/alertmanager.yml, with the delivery filled in.

`python -m operations.alerting OUTPUT` writes it from the variables of the environment.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

import configuration
from configuration import ConfigurationError, Scope, Values
from configuration import alerting as variables

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "monitoring" / "alertmanager" / "alertmanager.yml"
NOBODY = "nobody"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """Where alerts go. Without `to` no mail is sent; without `watchdog` no heartbeat."""

    to: str = ""
    sender: str = ""
    server: str = "localhost:25"
    user: str = ""
    password: str = ""
    tls: bool = True
    watchdog: str = ""


def read(environ: Mapping[str, str]) -> Delivery:
    """What these variables say.

    Raises:
        ConfigurationError: some of them cannot be used.
    """
    return delivery(configuration.read(Scope.ALERTING, environ))


def delivery(values: Values) -> Delivery:
    """Where alerts go by these values."""
    return Delivery(
        to=values[variables.TO],
        sender=values[variables.SENDER] or values[variables.TO],
        server=values[variables.SMTP],
        user=values[variables.SMTP_USER],
        password=values[variables.SMTP_PASSWORD],
        tls=values[variables.SMTP_TLS],
        watchdog=values[variables.WATCHDOG_URL],
    )


def alertmanager(delivery: Delivery) -> str:
    """Alertmanager's configuration file."""
    values: dict[str, str | bool] = {
        "EVERGREEN_ALERT_SMTP": delivery.server,
        "EVERGREEN_ALERT_FROM": delivery.sender or "nobody@localhost",
        "EVERGREEN_ALERT_TO": delivery.to or "nobody@localhost",
        "EVERGREEN_ALERT_SMTP_USER": delivery.user,
        "EVERGREEN_ALERT_SMTP_PASSWORD": delivery.password,
        "EVERGREEN_ALERT_SMTP_TLS": delivery.tls,
        "EVERGREEN_ALERT_RECEIVER": "mail" if delivery.to else NOBODY,
        "EVERGREEN_ALERT_WATCHDOG_RECEIVER": "watchdog" if delivery.watchdog else NOBODY,
        "EVERGREEN_ALERT_WATCHDOG_URL": delivery.watchdog or "http://localhost/",
    }
    # What JSON takes for a text YAML does too, whatever is in it.
    quoted = {name: json.dumps(value) for name, value in values.items()}
    return Template(TEMPLATE.read_text("utf-8")).safe_substitute(quoted)


def main() -> None:
    """Write the file that the command line names."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m operations.alerting OUTPUT")
    try:
        text = alertmanager(read(os.environ))
    except ConfigurationError as error:
        sys.exit(str(error))
    Path(sys.argv[1]).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
