"""Mails to customers about their purchases, from events. A delivery has ids alone: who gets the mail, and what it says,
is read when it is sent, so that an erased customer gets none."""

import smtplib

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from exactly_once.errors import RateLimited
from exactly_once.rate_limits import MICROSECONDS_PER_S, RateLimit
from shop.domain.errors import NotFound
from shop.domain.events import Event, EventType
from shop.domain.money import Money
from shop.domain.payments import PaymentStatus
from shop.domain.ports import Shop
from shop.domain.purchases import Purchase
from shop.domain.users import email_key
from shop.domain.webhooks import Delivery
from shop.services.admission import digest_of
from shop.work.attempts import Outcome
from shop.work.mail_texts import MAILS, REFUNDS, mail_text

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
    refunded = _refunded(shop, purchase) if event.type in REFUNDS else None
    text = mail_text(event.type, purchase, refunded=refunded, origin=settings.EVERGREEN_PUBLIC_URL)
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    mail = EmailMultiAlternatives(
        subject=text.subject,
        body=text.plain,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[to],
        headers={"Message-ID": f"<{event.id}.{event.type}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(text.html, "text/html")
    return mail


def recipient(shop: Shop, purchase: Purchase) -> str:
    """The address of the customer, that of a guest being in the purchase; empty where there is none any more. Raises:
    NotFound, StoreUnavailable."""
    return shop.users.get(purchase.user).email if purchase.user else purchase.email


def _refunded(shop: Shop, purchase: Purchase) -> Money:
    """What of the purchase its payments have refunded by now."""
    payments = shop.payments.of_purchase(purchase.id, None)
    return Money(minor=sum(each.refunded.minor for each in payments), currency=purchase.total.currency)
