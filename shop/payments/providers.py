"""The payment providers of a shop."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shop.domain.payments import PaymentProvider
from shop.domain.surroundings import Clock
from shop.payments.fake import FakeProvider
from shop.payments.manual import ManualProvider

STRIPE = "stripe"


@dataclass(frozen=True, kw_only=True, slots=True)
class StripeAccount:
    """An account at Stripe, the signing secret of its webhooks, and how to reach the API."""

    key: str
    webhook_secret: str
    api: str = "https://api.stripe.com"
    timeout_s: float = 3.0


def payment_providers(
    names: Sequence[str], secret_key: str, clock: Clock, stripe: StripeAccount | None = None
) -> Mapping[str, PaymentProvider]:
    """The providers of these names, which customers may choose, that of staff, and Stripe where there is an account, by
    their names."""
    providers: list[PaymentProvider] = [ManualProvider()]
    if FakeProvider.name in names:
        secret = hmac.digest(secret_key.encode(), b"webhooks of the fake payment provider", "sha256")
        providers.append(FakeProvider(clock, secret))
    if stripe:
        # The package takes 32 MB and a quarter of a second: a shop without an account does without it.
        from shop.payments.stripe import StripeProvider

        providers.append(StripeProvider(stripe, clock, is_public=STRIPE in names))
    return {provider.name: provider for provider in providers}
