"""Purchases that are not paid, the mails of the shop to its customers, and where webhooks may go."""

from configuration import parsing
from configuration.values import Values
from configuration.variable import Scope, Variable, where

_API = where(Scope.API, Scope.COMPOSE)

MAX_OPEN_PURCHASES = Variable(
    name="EVERGREEN_MAX_OPEN_PURCHASES",
    form=parsing.integer(0, 1_000_000),
    default="1000",
    meaning="Placed, unpaid purchases that a customer may have at once; the next one is answered 409. 0 is no limit.",
    scopes=_API,
)
UNPAID_PURCHASE_TTL_S = Variable(
    name="EVERGREEN_UNPAID_PURCHASE_TTL_S",
    form=parsing.integer(0, 31_536_000),
    default="86400",
    unit="s",
    meaning="How long a purchase may be unpaid that names no instant of its own; then the shop cancels it, and its "
    "units return to stock. 0: for ever.",
    scopes=where(Scope.API, Scope.EXPORTER, Scope.COMPOSE),
)
PAY_WITHIN_S = Variable(
    name="EVERGREEN_PAY_WITHIN_S",
    form=parsing.integer(60, 31_536_000),
    default="1800",
    unit="s",
    meaning="How long a purchase that was made of a cart may be unpaid; then it expires, and its units return to "
    "stock.",
    scopes=_API,
)
SMTP = Variable(
    name="EVERGREEN_SMTP",
    form=parsing.pattern(
        r"(\S+:\d+)?", "give the mail server's host and port, as in mail.example.com:587", "host:port"
    ),
    default="",
    default_note="the shop sends no mail",
    meaning="Mail server for the mails to customers: password resets, confirmations of registrations, and what becomes "
    "of a purchase.",
    scopes=_API,
)
SMTP_USER = Variable(
    name="EVERGREEN_SMTP_USER",
    form=parsing.text(),
    default="",
    default_note="no login",
    meaning="User at this mail server.",
    scopes=_API,
)
SMTP_PASSWORD = Variable(
    name="EVERGREEN_SMTP_PASSWORD",
    form=parsing.text(),
    default="",
    default_note="none",
    meaning="Password at this mail server.",
    scopes=_API,
    is_secret=True,
)
SMTP_TLS = Variable(
    name="EVERGREEN_SMTP_TLS",
    form=parsing.switch(),
    default="on",
    meaning="Whether this mail server must encrypt, by STARTTLS and with a certificate that the system trusts.",
    scopes=_API,
)
MAIL_FROM = Variable(
    name="EVERGREEN_MAIL_FROM",
    form=parsing.pattern(r"([^\s@<>]+@[^\s@<>]+)?", "give a mail address"),
    default="",
    default_note="`shop@` and the host of EVERGREEN_PUBLIC_URL",
    meaning="Sender of the mails to customers.",
    scopes=_API,
)
PUBLIC_URL = Variable(
    name="EVERGREEN_PUBLIC_URL",
    form=parsing.pattern(r"(https?://[A-Za-z0-9.\[\]:-]+)?", "give an origin, as in https://shop.example"),
    default="",
    default_note="none: needed where EVERGREEN_SMTP is set",
    meaning="Origin of the links in mails; the Host of a request is never in one.",
    scopes=_API,
)
MAIL_DIRECTORY = Variable(
    name="EVERGREEN_MAIL_DIRECTORY",
    form=parsing.text(),
    default="",
    default_note="none; set by `make run` to `mails` in its data directory",
    meaning="Directory of the files into which the worker writes the mails about purchases where EVERGREEN_SMTP is not "
    "set: for trying them.",
    scopes=where(Scope.API),
)
WEBHOOK_NETWORKS = Variable(
    name="EVERGREEN_WEBHOOK_NETWORKS",
    form=parsing.networks(),
    default="",
    default_note="none: https to public addresses only; in a stack of `make run` 127.0.0.0/8",
    meaning="Networks to which webhooks may go beside public addresses, by http too. Staff who may make webhook "
    "endpoints can then have the worker call any server in them.",
    scopes=where(Scope.API, Scope.STACK, Scope.COMPOSE),
)
VARIABLES = (
    MAX_OPEN_PURCHASES,
    UNPAID_PURCHASE_TTL_S,
    PAY_WITHIN_S,
    SMTP,
    SMTP_USER,
    SMTP_PASSWORD,
    SMTP_TLS,
    MAIL_FROM,
    PUBLIC_URL,
    MAIL_DIRECTORY,
    WEBHOOK_NETWORKS,
)


def origin_of_links(values: Values) -> str | None:
    """The fault where mails would have links to nowhere, or None."""
    if values[PUBLIC_URL] or not values[SMTP]:
        return None
    return f"{PUBLIC_URL.name} is missing: {SMTP.name} is set, so give the origin of the links in mails."
