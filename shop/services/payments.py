"""Use cases of payments. What is to be done is recorded before the provider is asked for it, and what the provider
answers is merged by one write, whatever brings it. Where the provider does not answer, it is asked later:
reconciliation.py."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from exactly_once.errors import Unavailable
from exactly_once.rate_limits import UNLIMITED
from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Caller
from shop.domain.carts import CartCaller
from shop.domain.errors import FieldError, Invalid, NotFound, ProviderUnavailable, ShopError
from shop.domain.payment_repository import RefundOrder, ReservedRefund, StateReport
from shop.domain.payments import Intent, Payment, PaymentProvider, PaymentStatus, ProviderState, Refund, new_payment
from shop.domain.ports import Shop
from shop.domain.purchases import Purchase, Status
from shop.services.admission import is_refresh_admitted


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentOrder:
    """How a customer wants to pay: with which provider, with what, and where the customer goes afterwards."""

    provider: str
    method: str
    return_url: str
    is_captured_later: bool


def payment_begin(
    *, shop: Shop, request: WriteRequest, caller: CartCaller | None, purchase: str, order: PaymentOrder
) -> WriteResult[Payment]:
    """Begin the payment of a placed purchase, or return the one that is open. It stays processing where the provider
    does not answer.

    Raises:
        Invalid for an unknown provider, NotFound, InvalidTransition, TooManyPayments.
    """
    provider = shop.providers.get(order.provider)
    if provider is None or not provider.is_public:
        names = ", ".join(sorted(each.name for each in shop.providers.values() if each.is_public)) or "none"
        raise Invalid(FieldError("/provider", "unknown-provider", f"Use a provider of this shop: {names}."))
    now = shop.clock.now()
    draft = replace(
        new_payment(shop.ids.new(now), purchase, order.provider, now),
        method=order.method,
        return_url=order.return_url,
        is_captured_later=order.is_captured_later,
    )
    result = shop.payments.begin(request, draft, caller)
    payment = result.value if result.value.id == draft.id else shop.payments.get(result.value.id, None)
    if payment.reference:
        # Begun before: what follows finds the outcome of this request, or changes nothing.
        return _apply(shop, step(request, "begin"), payment, known_state(payment))
    return _ask(shop, step(request, "begin"), payment, lambda provider: provider.begin(payment)) or result


def payment_refresh(*, shop: Shop, request: WriteRequest, caller: CartCaller | None, id: str) -> WriteResult[Payment]:
    """Ask the provider how a payment is, as after the customer has come back from it. Within REFRESH_INTERVAL_S of the
    last time it is not asked again, and the payment is as it is: the provider's calls are few, and shared by all.

    Raises:
        NotFound.
    """
    payment = shop.payments.get(id, caller)
    if not is_refresh_admitted(shop, payment, request):
        return _apply(shop, request, payment, known_state(payment))
    return _ask(shop, request, payment, lambda provider: _resumed(shop, provider, payment)) or WriteResult(
        value=payment, origin_request_id=request.id
    )


def payment_get(*, shop: Shop, caller: CartCaller | None, id: str) -> Payment:
    """Get a payment.

    Raises:
        NotFound.
    """
    return shop.payments.get(id, caller)


def payment_list(*, shop: Shop, caller: CartCaller | None, purchase: str) -> Sequence[Payment]:
    """List the payments of a purchase, the oldest first.

    Raises:
        NotFound.
    """
    return shop.payments.of_purchase(purchase, caller)


def payment_capture(*, shop: Shop, request: WriteRequest, id: str) -> WriteResult[Payment]:
    """Capture an authorized payment.

    Raises:
        NotFound, InvalidTransition.
    """
    return _intended(shop, request, id, Intent.CAPTURE)


def payment_cancel(*, shop: Shop, request: WriteRequest, id: str) -> WriteResult[Payment]:
    """Cancel an open payment.

    Raises:
        NotFound, InvalidTransition.
    """
    return _intended(shop, request, id, Intent.CANCEL)


def purchase_refund_amount(
    *, shop: Shop, request: WriteRequest, caller: Caller, purchase: str, amount: int | None, reason: str, restock: bool
) -> WriteResult[ReservedRefund]:
    """Refund an amount in minor units of what was captured for a purchase, or with None all that is left. It stays
    pending where the provider does not answer.

    Raises:
        NotFound, InvalidTransition, RefundExceedsCaptured, TooManyRefunds; Invalid for a part with `restock`.
    """
    now = shop.clock.now()
    order = RefundOrder(id=shop.ids.new(now), amount=amount, restock=restock, reason=reason, by=caller.id)
    reserved = shop.payments.reserve_refund(request, purchase, order, shop.ids.new(now), now)
    payment, refund = shop.payments.get(reserved.value.payment.id, None), reserved.value.refund
    done = _refund(shop, step(request, "refund"), payment, refund)
    if done is None:
        return reserved
    value = ReservedRefund(payment=done.value, refund=done.value.refund(refund.id))
    return WriteResult(value=value, origin_request_id=done.origin_request_id)


def purchase_pay_back(*, shop: Shop, request: WriteRequest, purchase: Purchase) -> None:
    """Have providers refund what the end of a purchase has reserved. What does not succeed now is tried again in the
    background: the purchase has come to its end in any case."""
    if all(event.status is not Status.PAID for event in purchase.history):
        return
    with suppress(Unavailable, ShopError):
        for payment in shop.payments.of_purchase(purchase.id, None):
            if payment.pending_refunds:
                own = step(request, payment.id)
                payment_settle(shop=shop, request=own, id=payment.id, asks_first=False)


def provider_event(
    *, shop: Shop, request: WriteRequest, provider: str, body: bytes, headers: Mapping[str, str]
) -> WriteResult[Payment] | None:
    """Take in a webhook; None where it is about no payment of this provider here.

    Raises:
        NotFound for a provider that the shop does not have, InvalidSignature, Invalid.
    """
    if provider not in shop.providers:
        raise NotFound("provider", provider)
    event = shop.providers[provider].verify_event(body, headers, shop.clock.now())
    payment = _of_event(shop, event.payment) if event.state else None
    if payment is None or payment.provider != provider or event.state is None:
        return None
    return _apply(shop, step(request, f"event:{provider}:{event.id}"), payment, event.state, event=event.id)


def payment_settle(*, shop: Shop, request: WriteRequest, id: str, asks_first: bool = True) -> bool:
    """Do what has to be done about a payment: ask the provider how it is, end it where its purchase waits for it no
    more, do what was intended, and refund what is reserved. Return whether the provider has answered.

    Raises:
        NotFound.
    """
    payment = shop.payments.get(id, None)
    if asks_first:
        found = _ask(shop, step(request, "fetch"), payment, lambda provider: _resumed(shop, provider, payment))
        if found is None:
            _apply(shop, step(request, "postpone"), payment, known_state(payment))
            return False
        payment = found.value
    payment = _ended(shop, request, payment)
    for refund in payment.pending_refunds:
        if _refund(shop, step(request, refund.id), payment, refund) is None:
            return False
    return True


def _ended(shop: Shop, request: WriteRequest, payment: Payment) -> Payment:
    """The payment after what was intended is done; an open one is cancelled whose purchase waits for it no more."""
    if payment.is_open and not payment.intent and not _is_awaited(shop, payment):
        payment = shop.payments.intend(step(request, "end"), payment, Intent.CANCEL, shop.clock.now()).value
    if not payment.is_open or not payment.intent:
        return payment
    done = _carry_out(shop, step(request, "intent"), payment, payment.intent)
    return done.value if done else payment


def _is_awaited(shop: Shop, payment: Payment) -> bool:
    return shop.purchases.get(payment.purchase, None).status is Status.PLACED


def step(request: WriteRequest, name: str) -> WriteRequest:
    """A further write of the same request, with a recorded outcome of its own. It is neither charged nor audited. Where
    it fails, the request has had an effect before: its outcome is unknown."""
    key = f"{request.idempotency_key}:{name}"
    own = replace(request, idempotency_key=key, fingerprint=f"step:{key}", may_be_retry=True)
    return replace(own, rate_limit=UNLIMITED, journal=None)


def known_state(payment: Payment) -> ProviderState:
    """What the shop knows already: to apply it changes nothing."""
    return ProviderState(status=_reported(payment), reference=payment.reference)


def _reported(payment: Payment) -> PaymentStatus:
    own = (PaymentStatus.ORPHANED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED)
    return PaymentStatus.CAPTURED if payment.status in own else payment.status


def _intended(shop: Shop, request: WriteRequest, id: str, intent: Intent) -> WriteResult[Payment]:
    result = shop.payments.intend(request, shop.payments.get(id, None), intent, shop.clock.now())
    return _carry_out(shop, step(request, "intent"), result.value, intent) or result


def _carry_out(shop: Shop, request: WriteRequest, payment: Payment, intent: Intent) -> WriteResult[Payment] | None:
    def asked(provider: PaymentProvider) -> ProviderState:
        return provider.capture(payment) if intent is Intent.CAPTURE else provider.cancel(payment)

    return _ask(shop, request, payment, asked, ends_intent=True)


def _refund(shop: Shop, request: WriteRequest, payment: Payment, refund: Refund) -> WriteResult[Payment] | None:
    return _ask(shop, request, payment, lambda provider: provider.refund(payment, refund))


def _ask(
    shop: Shop,
    request: WriteRequest,
    payment: Payment,
    ask: Callable[[PaymentProvider], ProviderState],
    *,
    ends_intent: bool = False,
) -> WriteResult[Payment] | None:
    """Ask the provider, and apply what it answers; None where it does not answer, or answers what cannot be."""
    try:
        provider = shop.providers.get(payment.provider)
        if provider is None:
            raise ProviderUnavailable(f"The shop has no provider {payment.provider} any more.")
        state = ask(provider) if payment.amount.minor else _free(payment)
        return _apply(shop, request, payment, state, ends_intent=ends_intent)
    except (ProviderUnavailable, Invalid):
        return None


def _resumed(shop: Shop, provider: PaymentProvider, payment: Payment) -> ProviderState:
    """The state of a payment. One that the provider has never heard of, because the call was not made or did not
    arrive, is begun under its key, or cancelled there where it is not wanted any more.

    Raises: ProviderUnavailable."""
    state = provider.fetch(payment)
    if state is not None or payment.reference:
        return state or known_state(payment)
    if payment.intent is Intent.CANCEL or not _is_awaited(shop, payment):
        return provider.cancel(payment)
    return provider.begin(payment)


def _free(payment: Payment) -> ProviderState:
    """What costs nothing is paid."""
    return ProviderState(status=PaymentStatus.CAPTURED, reference=payment.id)


def _of_event(shop: Shop, id: str) -> Payment | None:
    try:
        return shop.payments.get(id, None)
    except NotFound:
        return None


def _apply(
    shop: Shop,
    request: WriteRequest,
    payment: Payment,
    state: ProviderState,
    *,
    event: str = "",
    ends_intent: bool = False,
) -> WriteResult[Payment]:
    """Raises: Invalid for totals that cannot be."""
    totals = (state.refunded, state.captured, max(state.authorized, state.captured), payment.amount.minor)
    if list(totals) != sorted(totals) or state.refunded < 0:
        detail = f"The provider reports {totals[:3]} of {payment.amount.minor}: ask it about {payment.reference}."
        raise Invalid(FieldError("/captured", "implausible-totals", detail))
    now = shop.clock.now()
    report = StateReport(
        state=state,
        at=now,
        refund_id=shop.ids.new(now),
        check_at=payment.next_check(now),
        event=event,
        ends_intent=ends_intent,
    )
    return shop.payments.apply(request, payment, report)
