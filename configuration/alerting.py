"""Where alerts are sent."""

from configuration import parsing
from configuration.variable import Scope, Variable, where

_EVERYWHERE = where(Scope.ALERTING, Scope.STACK, Scope.COMPOSE)

TO = Variable(
    name="EVERGREEN_ALERT_TO",
    form=parsing.pattern(r"(\S+@\S+)?", "give a mail address"),
    default="",
    default_note="no mail is sent",
    meaning="Mail address that gets alerts.",
    scopes=_EVERYWHERE,
)
SENDER = Variable(
    name="EVERGREEN_ALERT_FROM",
    form=parsing.text(),
    default="",
    default_note="EVERGREEN_ALERT_TO",
    meaning="Sender of these mails.",
    scopes=_EVERYWHERE,
)
SMTP = Variable(
    name="EVERGREEN_ALERT_SMTP",
    form=parsing.pattern(r"\S+:\d+", "give the mail server's host and port, as in mail.example.com:587", "host:port"),
    default="localhost:25",
    meaning="Mail server.",
    scopes=_EVERYWHERE,
)
SMTP_USER = Variable(
    name="EVERGREEN_ALERT_SMTP_USER",
    form=parsing.text(),
    default="",
    default_note="no login",
    meaning="User at the mail server.",
    scopes=_EVERYWHERE,
)
SMTP_PASSWORD = Variable(
    name="EVERGREEN_ALERT_SMTP_PASSWORD",
    form=parsing.text(),
    default="",
    default_note="none",
    meaning="Password at the mail server.",
    scopes=_EVERYWHERE,
    is_secret=True,
)
SMTP_TLS = Variable(
    name="EVERGREEN_ALERT_SMTP_TLS",
    form=parsing.switch(),
    default="on",
    meaning="Whether the mail server must encrypt.",
    scopes=_EVERYWHERE,
)
WATCHDOG_URL = Variable(
    name="EVERGREEN_ALERT_WATCHDOG_URL",
    form=parsing.pattern(r"(https?://\S+)?", "give the address that expects a call every minute"),
    default="",
    default_note="no call is made",
    meaning="Called every minute while alerts can be delivered; a service that expects the calls notices their end.",
    scopes=_EVERYWHERE,
)
VARIABLES = (TO, SENDER, SMTP, SMTP_USER, SMTP_PASSWORD, SMTP_TLS, WATCHDOG_URL)
