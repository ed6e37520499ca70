"""Admission of password checks and registrations: a rate limit is charged before a hash is computed."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from exactly_once.errors import RateLimited
from exactly_once.rate_limits import MICROSECONDS_PER_S, RateLimit
from exactly_once.requests import WriteRequest
from shop.domain.payments import Payment
from shop.domain.ports import Shop
from shop.domain.rate_limits import PasswordLimits, is_known

#: Hexadecimal digits of a digest: enough that no two of a shop's accounts share a limit.
DIGEST_CHARS = 20

#: Seconds between two refreshes of one payment that ask its provider.
REFRESH_INTERVAL_S = 2

#: Admits an attempt to give the password of an account that is known to use these networks. Raises: RateLimited.
AdmitAttempt = Callable[[str, Mapping[str, datetime]], None]


def attempt_admit(
    *,
    shop: Shop,
    limits: PasswordLimits,
    account: str,
    networks: Mapping[str, datetime],
    request: WriteRequest,
) -> None:
    """Admit an attempt to give the password of an account, which need not exist. `networks` are those of the account.
    A `request` that has a recorded outcome is not charged.

    Raises:
        RateLimited.
    """
    network = network_digest(shop=shop, limits=limits)
    known = is_known(networks.get(network), shop.clock.now())
    shop.rates.admit(
        [*limits.limits(digest_of(shop, "account", account), network, is_known=known)],
        request.idempotency_key,
    )


def attempt_admission(*, shop: Shop, limits: PasswordLimits, request: WriteRequest) -> AdmitAttempt:
    """Return the admission of the attempt that a request makes. It is charged once, however often the request is tried
    again because the state changed meanwhile."""
    admitted: list[str] = []

    def admit(account: str, networks: Mapping[str, datetime]) -> None:
        if not admitted:
            attempt_admit(shop=shop, limits=limits, account=account, networks=networks, request=request)
            admitted.append(account)

    return admit


def registration_admit(*, shop: Shop, limit: RateLimit, network: str, request: WriteRequest) -> None:
    """Admit a registration, or a request for a new password, from a network. A request that has a recorded outcome is
    not charged.

    Raises:
        RateLimited.
    """
    network_admit(shop=shop, limit=limit, network=network, request=request)


def network_admit(*, shop: Shop, limit: RateLimit, network: str, request: WriteRequest) -> None:
    """Admit what someone without an account asks for, from a network. A request that has a recorded outcome is not
    charged.

    Raises:
        RateLimited.
    """
    charged = replace(limit, key=f"{limit.key}{digest_of(shop, 'network', network)}")
    shop.rates.admit([charged], request.idempotency_key)


def is_refresh_admitted(shop: Shop, payment: Payment, request: WriteRequest) -> bool:
    """Whether no caller had the provider asked for this payment just now; then it counts as asked. A request that has a
    recorded outcome is not counted."""
    limit = RateLimit(key=f"payment-refresh:{payment.id}", interval_us=REFRESH_INTERVAL_S * MICROSECONDS_PER_S, burst=1)
    try:
        shop.rates.admit([limit], request.idempotency_key)
    except RateLimited:
        return False
    return True


def network_digest(*, shop: Shop, limits: PasswordLimits) -> str:
    """Return the digest of the network of an attempt; empty where that is not known. Without the shop's secret it says
    nothing of the network."""
    return digest_of(shop, "network", limits.network) if limits.network else ""


def digest_of(shop: Shop, kind: str, text: str) -> str:
    """Return the keyed hash under which a network or an account is counted."""
    return hmac.digest(shop.idempotency.value(), f"{kind} {text}".encode(), "sha256").hex()[:DIGEST_CHARS]
