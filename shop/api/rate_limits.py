"""Rate limits of callers: which limit a request counts against, and what its answer says of them.

The headers are those of draft-ietf-httpapi-ratelimit-headers-11. Nothing here refuses a request: the script that does
its work does (exactly_once/lua/parts/rate_limit.lua), or for passwords and registrations the one before it.
"""

import math
from collections.abc import Iterable
from functools import lru_cache, partial
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

from configuration.rates import Rate
from exactly_once.rate_limits import UNLIMITED, RateLimit, RateState
from shop import telemetry
from shop.api.client_address import client_address, client_network
from shop.api.context import RateUse, RequestContext, context_of
from shop.domain.callers import Caller
from shop.domain.rate_limits import PasswordLimits


def of_reads(request: HttpRequest, api_key: str | None = None) -> RateLimit:
    """Return the limit of reads of one's own; the script that finds the caller appends its id."""
    if not context_of(request).counts_read:
        return UNLIMITED
    return _limit(request, "reads", settings.EVERGREEN_CALLER_READS, "reads:", api_key)


def of_writes(request: HttpRequest, caller: Caller | None, guest: str = "") -> RateLimit:
    """Return the limit of the caller's writes, those of a guest being counted by the digest of the cart's token; those
    of anonymous callers have limits before them."""
    if caller is None:
        name, rate = f"writes:guest:{guest}", settings.EVERGREEN_CALLER_WRITES
        return _limit(request, "writes", rate, name) if guest else UNLIMITED
    api_key = None if caller.scopes is None else caller.id
    return _limit(request, "writes", settings.EVERGREEN_CALLER_WRITES, f"writes:{caller.id}", api_key)


def of_registrations(request: HttpRequest) -> RateLimit:
    """Return the limit of registrations; its network is appended."""
    return _limit(request, "registration", settings.EVERGREEN_NETWORK_REGISTRATIONS, "registration:")


def of_guests(request: HttpRequest) -> RateLimit:
    """Return the limit of carts that guests make and buy, and of payments that they begin; its network is appended."""
    return _limit(request, "guest", settings.EVERGREEN_NETWORK_GUESTS, "guest:")


def of_passwords(request: HttpRequest) -> PasswordLimits:
    """Return the limits of attempts to give a password."""
    return PasswordLimits(
        network=client_network(request),
        of_network=_limit(request, "sign-in-network", settings.EVERGREEN_NETWORK_SIGN_INS, "sign-in:network:"),
        of_account_and_network=_limit(
            request, "sign-in-account-network", settings.EVERGREEN_ACCOUNT_NETWORK_SIGN_INS, "sign-in:account-network:"
        ),
        of_account=_limit(request, "sign-in-account", settings.EVERGREEN_ACCOUNT_SIGN_INS, "sign-in:account:"),
    )


def headers_of(context: RequestContext) -> dict[str, str]:
    """Return RateLimit-Policy and RateLimit of the limits that the request counted against; nothing where none."""
    if not context.rates:
        return {}
    return {
        "RateLimit-Policy": ", ".join(use.policy for use in context.rates.values()),
        "RateLimit": ", ".join(_state_item(name, use.state) for name, use in context.rates.items()),
    }


def retry_after_s(seconds: float) -> int:
    """Return the whole seconds after which a request is admitted."""
    return max(math.ceil(seconds), 1)


def _limit(request: HttpRequest, name: str, rate: Rate | None, key: str, api_key: str | None = None) -> RateLimit:
    if rate is None or _is_unlimited(client_address(request)) or api_key in settings.EVERGREEN_UNLIMITED_API_KEYS:
        return UNLIMITED
    observe = partial(_record, context_of(request), name, rate)
    return RateLimit(key=key, interval_us=rate.interval_us, burst=rate.burst, observe=observe)


def _record(context: RequestContext, name: str, rate: Rate, state: RateState) -> None:
    if not state.is_admitted:
        telemetry.request_limited(name)
    context.rates[name] = RateUse(policy=f'"{name}";q={rate.burst};w={rate.window_s}', state=state)


def _state_item(name: str, state: RateState) -> str:
    return f'"{name}";r={state.remaining};t={retry_after_s(state.reset_s)}'


@lru_cache(maxsize=1024)
def _is_unlimited(address: str) -> bool:
    return _is_in(address, settings.EVERGREEN_UNLIMITED_NETWORKS)


def _is_in(address: str, networks: Iterable[str]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    client = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(client in ip_network(network) for network in networks)
