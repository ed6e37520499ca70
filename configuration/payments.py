"""Payments and their providers."""

from configuration import parsing
from configuration.variable import Scope, Variable, where

_API = where(Scope.API, Scope.COMPOSE)

PAYMENT_PROVIDERS = Variable(
    name="EVERGREEN_PAYMENT_PROVIDERS",
    form=parsing.words("fake"),
    default="",
    default_note="none: staff mark purchases as paid",
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
VARIABLES = (PAYMENT_PROVIDERS, PAYMENT_CAPTURE)
