"""Payments, and the providers that move the money."""

from configuration import parsing
from configuration.values import Values
from configuration.variable import Scope, Variable, where

_API = where(Scope.API, Scope.COMPOSE)
#: Keys and secrets of Stripe have fewer; a file of another kind is refused before it is sent as a header.
MAX_SECRET_CHARACTERS = 255
#: Plain HTTP would send the key in the clear, so it goes to this machine alone.
_LOOPBACK = r"http://(?:localhost|127(?:\.[0-9]{1,3}){3})(?::[0-9]{1,5})?"
_HTTPS = r"https://[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?"

PAYMENT_PROVIDERS = Variable(
    name="EVERGREEN_PAYMENT_PROVIDERS",
    form=parsing.words("fake", "stripe"),
    default="",
    default_note="none: staff mark purchases as paid; in a stack of `make run` fake",
    meaning="Payment providers that customers may choose. `fake` moves no money: anyone can pay with it.",
    scopes=_API,
)
PAYMENT_CAPTURE = Variable(
    name="EVERGREEN_PAYMENT_CAPTURE",
    form=parsing.choice("automatic", "manual"),
    default="automatic",
    meaning="Whether a payment is captured at once, or by staff after it was authorized.",
    scopes=_API,
)
STRIPE_KEY = Variable(
    name="EVERGREEN_STRIPE_KEY",
    form=parsing.pattern(
        rf"((sk|rk)_[A-Za-z0-9_]{{4,{MAX_SECRET_CHARACTERS}}})?",
        "give a secret or restricted key of Stripe, which begins with sk_ or rk_",
        "sk_... or rk_...",
    ),
    default="",
    default_note="no payments by Stripe",
    meaning="Secret key of the account at Stripe, or a restricted key that may write payment intents and refunds, and "
    "read charges. Refunds of payments by Stripe need it also when customers may not choose `stripe` any more.",
    scopes=_API,
    is_secret=True,
)
STRIPE_WEBHOOK_SECRET = Variable(
    name="EVERGREEN_STRIPE_WEBHOOK_SECRET",
    form=parsing.pattern(
        rf"(whsec_[A-Za-z0-9_+/=-]{{4,{MAX_SECRET_CHARACTERS}}})?",
        "give the signing secret of the webhook endpoint, which begins with whsec_",
        "whsec_...",
    ),
    default="",
    default_note="none: needed where EVERGREEN_STRIPE_KEY is set",
    meaning="Signing secret of the webhook endpoint at Stripe: an event without its signature is refused.",
    scopes=_API,
    is_secret=True,
)
STRIPE_API = Variable(
    name="EVERGREEN_STRIPE_API",
    form=parsing.pattern(
        f"{_HTTPS}|{_LOOPBACK}", "give an origin with https, as in https://api.stripe.com", "https://host[:port]"
    ),
    default="https://api.stripe.com",
    meaning="Origin of Stripe's API: another one for a proxy, or for a simulation on this machine, where plain HTTP "
    "will do.",
    scopes=_API,
)
STRIPE_TIMEOUT_S = Variable(
    name="EVERGREEN_STRIPE_TIMEOUT_S",
    form=parsing.number(0.1, 60),
    default="3",
    unit="s",
    meaning="How long Stripe may take to answer one request. What is not answered by then stays processing, and is "
    "asked for again in the background. nginx gives a request to the shop 3.5 s before it tries another instance.",
    scopes=_API,
)
VARIABLES = (
    PAYMENT_PROVIDERS,
    PAYMENT_CAPTURE,
    STRIPE_KEY,
    STRIPE_WEBHOOK_SECRET,
    STRIPE_API,
    STRIPE_TIMEOUT_S,
)


def account_at_stripe(values: Values) -> str | None:
    """The fault where customers may choose a provider without an account, or where payments would be begun of which no
    event could be verified; None without one."""
    if "stripe" in values[PAYMENT_PROVIDERS] and not values[STRIPE_KEY]:
        return f"{STRIPE_KEY.name} is missing: {PAYMENT_PROVIDERS.name} names stripe, so give the key of its account."
    if values[STRIPE_KEY] and not values[STRIPE_WEBHOOK_SECRET]:
        return (
            f"{STRIPE_WEBHOOK_SECRET.name} is missing: {STRIPE_KEY.name} is set, so give the signing secret of the "
            "webhook endpoint."
        )
    return None
