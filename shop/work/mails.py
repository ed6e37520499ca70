"""Mails to customers about their purchases, from events. A delivery has ids alone: who gets the mail, and what it says,
is read when it is sent, so that an erased customer gets none."""

import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context, Engine, Template

from exactly_once.errors import RateLimited
from exactly_once.rate_limits import MICROSECONDS_PER_S, RateLimit
from shop.domain.errors import NotFound
from shop.domain.events import Event, EventType
from shop.domain.payments import PaymentStatus
from shop.domain.ports import Shop
from shop.domain.purchases import Purchase, Status
from shop.domain.users import email_key
from shop.domain.webhooks import Delivery
from shop.services.admission import digest_of
from shop.work.attempts import Outcome

#: From this code of SMTP on, the same mail would be refused again (RFC 5321, 4.2.1).
_PERMANENT = 500
#: Mails an hour to one address that guests give, before anything is paid: anyone can give the address of another.
MAX_GUEST_MAILS_PER_HOUR = 5
_HOUR_S, _DELIVERY_S = 3600, 4 * 86_400
_BEFORE_PAYMENT = (
    EventType.PURCHASE_PLACED,
    EventType.PURCHASE_CANCELLED,
    EventType.PURCHASE_EXPIRED,
    EventType.PAYMENT_FAILED,
)
_SENT = (Status.SHIPPED, Status.PARTIALLY_SHIPPED)
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Wording:
    """What a mail says of an event. `purchase_field` is the field of the event's data that has the purchase's id; where
    it is empty, the event is about the purchase itself."""

    subject: str
    paragraph: str
    purchase_field: str = ""


MAILS: Mapping[EventType, Wording] = {
    EventType.PURCHASE_PLACED: Wording("Your order", "Thank you for your order. This is what you bought."),
    EventType.PURCHASE_PARTIALLY_SHIPPED: Wording("A part of your order is on its way", "We have sent a part of it."),
    EventType.PURCHASE_SHIPPED: Wording("Your order is on its way", "We have sent your order."),
    EventType.PURCHASE_CANCELLED: Wording("Your order was cancelled", "Your order was cancelled."),
    EventType.PURCHASE_EXPIRED: Wording("Your order has expired", "It was not paid in time, so nothing will be sent."),
    EventType.PURCHASE_PARTIALLY_REFUNDED: Wording("Your refund", "We have refunded a part of your order."),
    EventType.PURCHASE_REFUNDED: Wording("Your refund", "We have refunded your order."),
    EventType.PAYMENT_FAILED: Wording(
        "Your payment failed", "The payment of your order was declined. Please pay by another method.", "purchase"
    ),
}


def wanted_types() -> tuple[EventType, ...]:
    """The events of which mails are sent: none where the shop sends no mail."""
    return tuple(MAILS) if settings.EVERGREEN_SMTP or settings.EVERGREEN_MAIL_DIRECTORY else ()


def send(shop: Shop, delivery: Delivery) -> Outcome:
    """Send the mail of an event. Nothing is sent, and the delivery is made, where its purchase or customer is gone, or
    a guest's address has had its mails.

    Raises: StoreUnavailable."""
    purchase = _purchase_of(shop, delivery.event)
    mail = purchase and _composed(shop, delivery.event, purchase)
    if not purchase or not mail or not _is_admitted(shop, delivery.event, purchase):
        return Outcome()
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused:
        return Outcome(error="recipient-refused")
    except smtplib.SMTPDataError as refusal:
        # The server takes no mail like this one, or none at the moment: 4yz. Refusals before say nothing of the mail.
        return Outcome(error="mail-refused", is_down=refusal.smtp_code < _PERMANENT)
    except (OSError, smtplib.SMTPException):
        return Outcome(error="mail-server", is_down=True)
    return Outcome()


def compose(shop: Shop, event: Event) -> EmailMultiAlternatives | None:
    """The mail of an event, in plain text and HTML; None where there is no customer to get it. A repeat has the same
    Message-ID, by which mail programs show it once.

    Raises: StoreUnavailable."""
    purchase = _purchase_of(shop, event)
    return _composed(shop, event, purchase) if purchase else None


def _purchase_of(shop: Shop, event: Event) -> Purchase | None:
    """The purchase that the mail of an event is about; None where it has none. The first payment of a purchase that
    fails has a mail, and no other one: a program that tries cards would send one with each."""
    wording = MAILS.get(event.type)
    if wording is None:
        return None
    id = event.data[wording.purchase_field] if wording.purchase_field else event.object
    try:
        if event.type is EventType.PAYMENT_FAILED and not _is_first_failure(shop, id, event.object):
            return None
        return shop.purchases.get(id, None)
    except NotFound:
        return None


def _is_first_failure(shop: Shop, purchase: str, payment: str) -> bool:
    failed = (each.id for each in shop.payments.of_purchase(purchase, None) if each.status is PaymentStatus.FAILED)
    return next(failed, payment) == payment


def _is_admitted(shop: Shop, event: Event, purchase: Purchase) -> bool:
    """Whether one more mail may go to the address that a guest gave; then it is counted, once for all attempts."""
    if purchase.user or event.type not in _BEFORE_PAYMENT:
        return True
    if not _charge(shop, f"mail:{event.id}", _DELIVERY_S, 1):
        return True
    address = digest_of(shop, "guest mail", email_key(purchase.email))
    return _charge(shop, f"mail:guest:{address}", _HOUR_S // MAX_GUEST_MAILS_PER_HOUR, MAX_GUEST_MAILS_PER_HOUR)


def _charge(shop: Shop, key: str, interval_s: int, burst: int) -> bool:
    try:
        shop.rates.admit([RateLimit(key=key, interval_us=interval_s * MICROSECONDS_PER_S, burst=burst)])
    except RateLimited:
        return False
    return True


def _composed(shop: Shop, event: Event, purchase: Purchase) -> EmailMultiAlternatives | None:
    try:
        to = recipient(shop, purchase)
    except NotFound:
        return None
    if not to:
        return None
    wording = MAILS[event.type]
    context = Context(_context(wording, purchase))
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    mail = EmailMultiAlternatives(
        subject=f"{wording.subject} ({purchase.id[-8:]})",
        body=_template("purchase.txt").render(context),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[to],
        headers={"Message-ID": f"<{event.id}.{event.type}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(_template("purchase.html").render(context), "text/html")
    return mail


def recipient(shop: Shop, purchase: Purchase) -> str:
    """The address of the customer, that of a guest being in the purchase; empty where there is none any more. Raises:
    NotFound, StoreUnavailable."""
    return shop.users.get(purchase.user).email if purchase.user else purchase.email


def _context(wording: Wording, purchase: Purchase) -> Mapping[str, object]:
    origin = settings.EVERGREEN_PUBLIC_URL
    return {
        "subject": wording.subject,
        "paragraphs": [wording.paragraph, *_tracking(purchase)],
        "items": purchase.items,
        "discount": purchase.totals.discount if purchase.discount else "",
        "shipping": purchase.totals.shipping if purchase.shipping else "",
        "total": purchase.total,
        "currency": purchase.total.currency,
        "purchase": purchase.id,
        "placed_on": f"{purchase.created_at:%Y-%m-%d}",
        "url": f"{origin}/api/v1/purchases/{purchase.id}/" if origin else "",
    }


def _tracking(purchase: Purchase) -> Sequence[str]:
    """How the last shipment is followed, where that is known."""
    last = purchase.shipments[-1] if purchase.shipments else None
    if purchase.status not in _SENT or last is None or not last.tracking:
        return ()
    return (f"It travels with {last.carrier or 'our carrier'}: {last.tracking}",)


@cache
def _engine() -> Engine:
    return Engine(dirs=[str(_TEMPLATES / "work")])


def _template(name: str) -> Template:
    return _engine().get_template(name)
