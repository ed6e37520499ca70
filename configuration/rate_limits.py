"""Rate limits, in two layers: of an address, by nginx; of a caller, exactly, by the API."""

from collections.abc import Mapping
from typing import Any

from configuration import parsing
from configuration.rates import Rate, rate
from configuration.variable import Scope, Variable, where

_API = where(Scope.API, Scope.COMPOSE)
_EDGE = where(Scope.STACK, Scope.COMPOSE, Scope.NGINX)


def _of_address(name: str, default: str, meaning: str) -> Variable[Rate | None]:
    return Variable(
        name=f"EVERGREEN_ADDRESS_{name}",
        form=rate("sm"),
        default=default,
        meaning=f"{meaning} from one address, or from one /64 of IPv6, that nginx passes on; 429 beyond.",
        scopes=_EDGE,
    )


def _exact(name: str, default: str, meaning: str) -> Variable[Rate | None]:
    return Variable(
        name=f"EVERGREEN_{name}",
        form=rate(),
        default=default,
        meaning=f"{meaning} Exact, over all instances.",
        scopes=_API,
    )


EXEMPT_NETWORKS = Variable(
    name="EVERGREEN_UNLIMITED_NETWORKS",
    form=parsing.networks(),
    default="",
    default_note="none",
    meaning="Networks of clients for which no rate limit of an address and of the API counts.",
    scopes=where(Scope.API, Scope.STACK, Scope.COMPOSE, Scope.NGINX),
)
ADDRESS_CONNECTIONS = Variable(
    name="EVERGREEN_ADDRESS_CONNECTIONS",
    form=parsing.integer(0, 100_000),
    default="64",
    meaning="Requests of one address, or of one /64 of IPv6, that nginx serves or receives at once; 0 for any number.",
    scopes=_EDGE,
)
ADDRESS_READS = _of_address("READS", "100/s burst 500", "Reads")
ADDRESS_WRITES = _of_address("WRITES", "30/s burst 150", "Writes")
ADDRESS_SIGN_INS = _of_address("SIGN_INS", "5/s burst 50", "Attempts to sign in")
ADDRESS_REGISTRATIONS = _of_address("REGISTRATIONS", "1/s burst 20", "Registrations")
#: By the name of the limiter class.
ADDRESS_RATES: Mapping[str, Variable[Rate | None]] = {
    "reads": ADDRESS_READS,
    "writes": ADDRESS_WRITES,
    "sign-in": ADDRESS_SIGN_INS,
    "registration": ADDRESS_REGISTRATIONS,
}
EXEMPT_API_KEYS = Variable(
    name="EVERGREEN_UNLIMITED_API_KEYS",
    form=parsing.names(),
    default="",
    default_note="none",
    meaning="Ids of API keys for which no rate limit of the API counts. Those of their address do, in nginx.",
    scopes=_API,
)
CALLER_READS = _exact("CALLER_READS", "50/s burst 250", "Reads of a user's own, and all of an API key.")
CALLER_WRITES = _exact("CALLER_WRITES", "20/s burst 100", "Writes of one user or API key.")
NETWORK_SIGN_INS = _exact(
    "NETWORK_SIGN_INS", "30/m burst 60", "Passwords that are checked for one network: an IPv4 address, or an IPv6 /64."
)
ACCOUNT_NETWORK_SIGN_INS = _exact(
    "ACCOUNT_NETWORK_SIGN_INS", "5/m burst 10", "Passwords that are checked for one account from one network."
)
ACCOUNT_SIGN_INS = _exact(
    "ACCOUNT_SIGN_INS",
    "20/h burst 20",
    "Passwords that are checked for one account, but for networks from which it signed in within 30 days.",
)
NETWORK_REGISTRATIONS = _exact("NETWORK_REGISTRATIONS", "60/h burst 30", "Registrations from one network.")
NETWORK_GUESTS = _exact(
    "NETWORK_GUESTS",
    "240/h burst 60",
    "Carts that guests make, attempts to buy them, and payments that they begin, from one network.",
)
#: Of the API.
CALLER_RATES = (
    CALLER_READS,
    CALLER_WRITES,
    NETWORK_SIGN_INS,
    ACCOUNT_NETWORK_SIGN_INS,
    ACCOUNT_SIGN_INS,
    NETWORK_REGISTRATIONS,
    NETWORK_GUESTS,
)
VARIABLES: tuple[Variable[Any], ...] = (
    EXEMPT_NETWORKS,
    EXEMPT_API_KEYS,
    ADDRESS_CONNECTIONS,
    *ADDRESS_RATES.values(),
    *CALLER_RATES,
)
