"""Alertmanager's configuration: monitoring/alertmanager/alertmanager.yml, with whom to tell and how filled in.

`python -m operations.alerting OUTPUT` writes it from the variables of the environment.
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "monitoring" / "alertmanager" / "alertmanager.yml"
NOBODY = "nobody"


class Unusable(Exception):
    """A variable cannot be used; the text says which, and what it should be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """Where alerts go. With no `to` nobody gets mail; with no `watchdog` nobody is told that all is well."""

    to: str = ""
    sender: str = ""
    server: str = "localhost:25"
    user: str = ""
    password: str = ""
    tls: bool = True
    watchdog: str = ""


def read(environ: Mapping[str, str]) -> Delivery:
    """What these variables say. Raises Unusable for one that makes no sense."""
    to = environ.get("EVERGREEN_ALERT_TO", "").strip()
    return Delivery(
        to=_checked("EVERGREEN_ALERT_TO", to, r"(\S+@\S+)?", "give a mail address"),
        sender=environ.get("EVERGREEN_ALERT_FROM", "").strip() or to,
        server=_checked(
            "EVERGREEN_ALERT_SMTP",
            environ.get("EVERGREEN_ALERT_SMTP") or "localhost:25",
            r"\S+:\d+",
            "give the mail server's host and port, as in mail.example.com:587",
        ),
        user=environ.get("EVERGREEN_ALERT_SMTP_USER", ""),
        password=environ.get("EVERGREEN_ALERT_SMTP_PASSWORD", ""),
        tls=_checked(
            "EVERGREEN_ALERT_SMTP_TLS", environ.get("EVERGREEN_ALERT_SMTP_TLS") or "on", "on|off", "give on or off"
        )
        == "on",
        watchdog=_checked(
            "EVERGREEN_ALERT_WATCHDOG_URL",
            environ.get("EVERGREEN_ALERT_WATCHDOG_URL", ""),
            r"(https?://\S+)?",
            "give the address that expects a call every minute",
        ),
    )


def configuration(delivery: Delivery) -> str:
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
    """Writes the file that the command line names."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m operations.alerting OUTPUT")
    try:
        text = configuration(read(os.environ))
    except Unusable as fault:
        sys.exit(str(fault))
    Path(sys.argv[1]).write_text(text, "utf-8")


def _checked(name: str, value: str, form: str, remedy: str) -> str:
    if not re.fullmatch(form, value):
        raise Unusable(f"{name} is {value!r}: {remedy}.")
    return value


if __name__ == "__main__":
    main()
