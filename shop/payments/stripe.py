"""Payments by Stripe, through its official package.

A payment is a PaymentIntent that is created first and confirmed after that. Creating it moves no money, and takes the
same parameters however often it is repeated under the same key: so a payment of which nothing but the record in the
store is known is begun again, and not guessed at.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import stripe
import structlog

from shop.concurrency import REQUESTS
from shop.domain.errors import FieldError, Invalid, InvalidSignature, ProviderUnavailable
from shop.domain.payments import (
    Payment,
    PaymentProvider,
    PaymentStatus,
    ProviderEvent,
    ProviderState,
    Refund,
    RefundStatus,
)
from shop.domain.surroundings import Clock
from shop.payments import stripe_states as states
from shop.payments.providers import StripeAccount

#: Requests to Stripe under way in one process: the next one is refused at once, so that a Stripe that hangs does not
#: take the threads of those who buy.
MAX_CONCURRENT_REQUESTS = 64
#: Seconds for a connection.
CONNECT_TIMEOUT_S = 2.0
#: Seconds by which the time of a signature may differ from the present.
MAX_SIGNATURE_AGE_S = 300
#: As many as one answer of Stripe has, and more than a payment may have.
MAX_LISTED_REFUNDS = 100
#: Stripe forgets a key after 24 hours; the intent is searched for from then on.
MAX_KEY_AGE = timedelta(hours=23)
#: How long it may take until a search finds what was made.
SEARCH_LAG = timedelta(minutes=2)
#: Statuses of an intent by which nothing is or will be paid unless it is confirmed.
UNPAID_STATUSES = ("requires_confirmation", "requires_payment_method")
SIGNATURE_HEADER = "stripe-signature"
#: Set in an answer that Stripe has recorded under the same key before: what it says may have changed since.
REPLAYED_HEADER = "idempotent-replayed"
#: Charges come in full, so that totals of refunds are there.
EXPAND = {"expand": ["latest_charge"]}

_LOG = structlog.get_logger()
T = TypeVar("T")


class StripeProvider(PaymentProvider):
    """Moves money by PaymentIntents and Refunds."""

    name = "stripe"

    def __init__(self, account: StripeAccount, clock: Clock, *, is_public: bool = True) -> None:
        self.is_public = is_public
        # Telemetry would send the duration of each request with the next one.
        stripe.enable_telemetry = False
        self._clock = clock
        self._webhook_secret = account.webhook_secret
        self._client = stripe.StripeClient(
            account.key,
            base_addresses={"api": account.api},
            # The package would repeat a request within the time that a customer waits; the worker does it later.
            max_network_retries=0,
            http_client=_http_client(account.timeout_s),
        )
        self._slots = threading.BoundedSemaphore(MAX_CONCURRENT_REQUESTS)

    def begin(self, payment: Payment) -> ProviderState:
        try:
            intent, is_present = self._intent(payment)
        except _Refused as refused:
            return ProviderState(status=PaymentStatus.FAILED, failure=refused.code)
        if payment.method and intent["status"] == "requires_confirmation":
            return self._confirmed(payment, str(intent["id"]))
        return self._present(payment, intent if is_present else self._read(str(intent["id"])))

    def capture(self, payment: Payment) -> ProviderState:
        return self._moved(payment.reference, f"{payment.id}:capture", self._client.v1.payment_intents.capture)

    def cancel(self, payment: Payment) -> ProviderState:
        # Without a reference it is not known whether there is an intent. Then one is made under the key of `begin`:
        # whatever was under way finds this one, cancelled.
        try:
            reference = payment.reference or str(self._intent(payment)[0]["id"])
        except _Refused:
            return ProviderState(status=PaymentStatus.CANCELLED)
        return self._moved(reference, f"{payment.id}:cancel", self._client.v1.payment_intents.cancel)

    def refund(self, payment: Payment, refund: Refund) -> ProviderState:
        # A key is forgotten after a day, an id in the metadata never.
        if not any(states.own_id(each, states.REFUND) == refund.id for each in self._refunds(payment.reference)):
            try:
                self._new_refund(payment, refund)
            except _Refused as refused:
                _LOG.warning("refund refused", refund=refund.id, code=refused.code)
                state = self._state(payment.reference)
                return replace(state, refunds={**(state.refunds or {}), refund.id: RefundStatus.FAILED})
        return self._state(payment.reference)

    def fetch(self, payment: Payment) -> ProviderState | None:
        """None also for an intent that the shop has not confirmed yet: it moves no money, and `begin` goes on with
        it."""
        try:
            reference = payment.reference or str(self._intent(payment)[0]["id"])
            intent = self._retrieved(reference)
        except _Refused:
            return None
        is_half_begun = payment.method and intent["status"] == "requires_confirmation"
        return None if is_half_begun else self._present(payment, intent)

    def verify_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        header = headers.get(SIGNATURE_HEADER, "")
        try:
            event = stripe.Webhook.construct_event(body, header, self._webhook_secret, MAX_SIGNATURE_AGE_S)
            return states.event_state(event.to_dict())
        except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
            raise InvalidSignature("The signature is not Stripe's over these bytes, or it is too old.") from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Invalid(FieldError("", "malformed-event", "Send an event as Stripe makes it.")) from error

    def _intent(self, payment: Payment) -> tuple[states.Json, bool]:
        """The intent of this payment, made now or before, and whether it is the present state of it.

        Raises: ProviderUnavailable, _Refused."""
        age = self._clock.now() - payment.created_at
        if age > MAX_KEY_AGE and (found := self._search(payment.id)):
            return found, False
        parameters = self._parameters(payment)
        options: Any = {"idempotency_key": payment.id}
        try:
            intent = self._call(lambda: self._client.v1.payment_intents.create(parameters, options))
        except ProviderUnavailable:
            # An error of Stripe's own is recorded under the key, whether or not the intent was made.
            if age > SEARCH_LAG and (found := self._search(payment.id)):
                return found, False
            raise
        return intent.to_dict(), not _is_replayed(intent)

    def _search(self, id: str) -> states.Json | None:
        """The intent with this id of ours, unless it was made within SEARCH_LAG."""
        parameters: Any = {"query": f"metadata['{states.PAYMENT}']:'{id}'", "limit": 1}
        page = self._call(lambda: self._client.v1.payment_intents.search(parameters))
        return page.data[0].to_dict() if page.data else None

    def _parameters(self, payment: Payment) -> Any:
        """The same for the same payment, as Stripe demands of what is repeated under one key."""
        try:
            amount = states.stripe_amount(payment.amount)
        except Invalid as invalid:
            raise _Refused(invalid.errors[0].code) from invalid
        parameters: dict[str, Any] = {
            "amount": amount,
            "currency": payment.amount.currency.lower(),
            "capture_method": "manual" if payment.is_captured_later else "automatic",
            "metadata": {states.PAYMENT: payment.id, "purchase": payment.purchase},
        }
        if payment.method:
            parameters["payment_method"] = payment.method
            parameters["metadata"][states.CONFIRMED_BY_SHOP] = "true"
            if not payment.return_url:
                parameters["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}
        return parameters

    def _confirmed(self, payment: Payment, reference: str) -> ProviderState:
        """Charge the method. A declined intent is cancelled: nothing may be paid by it any more."""
        parameters: Any = {**EXPAND, **({"return_url": payment.return_url} if payment.return_url else {})}
        options: Any = {"idempotency_key": f"{payment.id}:confirm"}
        try:
            intent = self._call(lambda: self._client.v1.payment_intents.confirm(reference, parameters, options))
        except _Refused as refused:
            return self._given_up(payment, reference, refused.code)
        return self._state(reference) if _is_replayed(intent) else states.payment_state(intent.to_dict())

    def _present(self, payment: Payment, intent: states.Json) -> ProviderState:
        """The state of this intent. One that failed after the shop had confirmed it, as at 3D Secure, is cancelled."""
        is_over, id = states.is_over(intent), str(intent["id"])
        return self._given_up(payment, id, states.failure_of(intent)) if is_over else self._with_refunds(intent)

    def _given_up(self, payment: Payment, reference: str, failure: str) -> ProviderState:
        """The state of an intent that could not be confirmed: failed, unless it has been confirmed before."""
        intent = self._read(reference)
        if intent["status"] not in UNPAID_STATUSES:
            return self._with_refunds(intent)
        state = self._moved(reference, f"{payment.id}:cancel", self._client.v1.payment_intents.cancel)
        if state.status in (PaymentStatus.CANCELLED, PaymentStatus.FAILED):
            return replace(state, status=PaymentStatus.FAILED, failure=state.failure or failure)
        return state

    def _moved(self, reference: str, key: str, move: Callable[..., stripe.PaymentIntent]) -> ProviderState:
        """The state after this move, or as it is where Stripe refuses the move."""
        options: Any = {"idempotency_key": key}
        try:
            intent = self._call(lambda: move(reference, EXPAND, options))
        except _Refused:
            return self._state(reference)
        return self._state(reference) if _is_replayed(intent) else states.payment_state(intent.to_dict())

    def _state(self, reference: str) -> ProviderState:
        """The present state.

        Raises: ProviderUnavailable."""
        return self._with_refunds(self._read(reference))

    def _read(self, reference: str) -> states.Json:
        try:
            return self._retrieved(reference)
        except _Refused as refused:
            raise ProviderUnavailable(f"Stripe does not show the payment: {refused.code}.") from refused

    def _retrieved(self, reference: str) -> states.Json:
        """Raises: ProviderUnavailable, _Refused."""
        parameters: Any = EXPAND
        return self._call(lambda: self._client.v1.payment_intents.retrieve(reference, parameters)).to_dict()

    def _with_refunds(self, intent: states.Json) -> ProviderState:
        """The state of this intent, with every refund where it was captured."""
        state = states.payment_state(intent)
        return states.payment_state(intent, self._refunds(state.reference)) if state.captured else state

    def _refunds(self, reference: str) -> Sequence[states.Json]:
        """The refunds of an intent, the newest first.

        Raises: ProviderUnavailable."""
        parameters: Any = {"payment_intent": reference, "limit": MAX_LISTED_REFUNDS}
        try:
            page = self._call(lambda: self._client.v1.refunds.list(parameters))
        except _Refused as refused:
            raise ProviderUnavailable(f"Stripe does not show the refunds: {refused.code}.") from refused
        return [refund.to_dict() for refund in page.data]

    def _new_refund(self, payment: Payment, refund: Refund) -> None:
        metadata = {states.PAYMENT: payment.id, states.REFUND: refund.id}
        try:
            amount = states.stripe_amount(refund.amount)
        except Invalid as invalid:
            raise _Refused(invalid.errors[0].code) from invalid
        parameters: Any = {"payment_intent": payment.reference, "amount": amount, "metadata": metadata}
        options: Any = {"idempotency_key": refund.id}
        self._call(lambda: self._client.v1.refunds.create(parameters, options))

    def _call(self, request: Callable[[], T]) -> T:
        """Raises: ProviderUnavailable where it is not known what was done, _Refused where nothing was."""
        try:
            with self._slot(), REQUESTS.released():
                return request()
        except (stripe.InvalidRequestError, stripe.CardError) as error:
            raise _Refused.of(error) from error
        except stripe.StripeError as error:
            # The text may have the key, or data of the customer.
            kind = type(error).__name__
            _LOG.warning("stripe unavailable", error=kind, status=error.http_status, request=error.request_id)
            raise ProviderUnavailable(f"Stripe does not answer as it should ({kind}).") from error

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(blocking=False):
            raise ProviderUnavailable("Too many requests to Stripe are under way.")
        try:
            yield
        finally:
            self._slots.release()


def _http_client(timeout_s: float) -> stripe.HTTPClient:
    """One session for all threads: with one each, as the package would have it, connections would be as many as the
    threads that have ever taken a payment."""
    requests = stripe.RequestsClient().requests
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=MAX_CONCURRENT_REQUESTS))
    return stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_S, timeout_s), session=session)


class _Refused(Exception):
    """Stripe refuses a request, and has done nothing. `code` is its reason as the shop writes codes."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @classmethod
    def of(cls, error: stripe.StripeError) -> "_Refused":
        details = error.error.to_dict() if error.error else {}
        return cls(states.failure_code(details, "refused") or "refused")


def _is_replayed(answer: Any) -> bool:
    """Whether Stripe has recorded this answer before, under the same key."""
    headers = answer.last_response.headers if answer.last_response else {}
    return str(headers.get(REPLAYED_HEADER, "")).lower() == "true"
