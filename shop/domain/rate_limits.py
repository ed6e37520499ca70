"""Rate limits of password checks: none that lets one network lock another one out of an account; and the port to
limits of what is neither a read nor a write of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from exactly_once.rate_limits import UNLIMITED, RateLimit

#: How long a network stays known after a sign-in.
KNOWN_NETWORK_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordLimits:
    """Limits of one attempt from a network; those of an account and a network end in digests, which `limits` appends.
    An empty network is not known."""

    network: str = ""
    of_network: RateLimit = UNLIMITED
    of_account_and_network: RateLimit = UNLIMITED
    of_account: RateLimit = UNLIMITED

    def limits(self, account: str, network: str, *, is_known: bool) -> Iterator[RateLimit]:
        """The limits of an attempt. Those of the account alone do not count from a network that it is known to use:
        attempts from elsewhere cannot use them up."""
        yield replace(self.of_network, key=f"{self.of_network.key}{network}")
        yield replace(self.of_account_and_network, key=f"{self.of_account_and_network.key}{account}:{network}")
        if not is_known:
            yield replace(self.of_account, key=f"{self.of_account.key}{account}")


NO_LIMITS = PasswordLimits()


def is_known(last_sign_in: datetime | None, now: datetime) -> bool:
    """Whether a network with this last sign-in is still one that the account is known to use."""
    return last_sign_in is not None and now - last_sign_in < KNOWN_NETWORK_LIFETIME


class RateLimiter(Protocol):
    """Rate limits of what is neither a read nor a write of its own."""

    def admit(self, limits: Sequence[RateLimit], idempotency_key: str = "") -> None:
        """Count a call against all of these limits; against none where one of them refuses it, or where a request under
        this key has a recorded outcome.

        Raises: RateLimited, StoreUnavailable."""
        ...
