"""Rate limits, in two layers: of an address, by nginx; of a caller, exactly, by the API."""

from collections.abc import Mapping

from configuration import parsing
from configuration.rates import Rate, rate
from configuration.variable import Scope, Variable, where

_EDGE = where(Scope.STACK, Scope.COMPOSE, Scope.NGINX)


def _of_address(name: str, default: str, meaning: str) -> Variable[Rate | None]:
    return Variable(
        name=f"EVERGREEN_ADDRESS_{name}",
        form=rate("sm"),
        default=default,
        meaning=f"{meaning} from one address, or from one /64 of IPv6, that nginx passes on; 429 beyond.",
        scopes=_EDGE,
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
VARIABLES = (EXEMPT_NETWORKS, ADDRESS_CONNECTIONS, *ADDRESS_RATES.values())
