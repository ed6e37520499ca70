"""Each kind of mail about an invented purchase: to look at."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shop.domain.events import EventType
from shop.domain.money import Money
from shop.domain.purchases import Item, Purchase, Shipment, Status, Units
from shop.work.mail_texts import MAILS, REFUNDS, MailText, mail_text

ORIGIN = "https://shop.example"
_AT = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
_APPLES, _TEA, _LAMP = (f"019a6e33-5c40-7b21-8b7e-00000000000{number}" for number in (1, 2, 3))
_TEA_NAME = "First flush Darjeeling, whole leaf, from a garden in the hills above Kurseong, in a tin of 250 g"
_STATUSES = {
    EventType.PURCHASE_PLACED: Status.PLACED,
    EventType.PURCHASE_PARTIALLY_SHIPPED: Status.PARTIALLY_SHIPPED,
    EventType.PURCHASE_SHIPPED: Status.SHIPPED,
    EventType.PURCHASE_CANCELLED: Status.CANCELLED,
    EventType.PURCHASE_EXPIRED: Status.EXPIRED,
    EventType.PURCHASE_PARTIALLY_REFUNDED: Status.PARTIALLY_REFUNDED,
    EventType.PURCHASE_REFUNDED: Status.REFUNDED,
    EventType.PAYMENT_FAILED: Status.PLACED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A mail of an invented purchase, and the event that it is of."""

    type: EventType
    text: MailText


def samples() -> Iterator[Sample]:
    """Yield a mail of each kind."""
    for type in MAILS:
        purchase = sample_purchase(_STATUSES[type])
        refunded = _euros(1190) if type is EventType.PURCHASE_PARTIALLY_REFUNDED else purchase.total
        text = mail_text(type, purchase, refunded=refunded if type in REFUNDS else None, origin=ORIGIN)
        yield Sample(type=type, text=text)


def sample_purchase(status: Status) -> Purchase:
    """An invented purchase in this status: three lines, a discount, shipping, and a shipment of two lines."""
    items = (
        _item(_APPLES, "APPLE-1KG", "Apples, 1 kg", 290, 2),
        _item(_TEA, "TEA-250", _TEA_NAME, 1190, 1),
        _item(_LAMP, "LAMP-01", "Reading lamp", 12_950, 1),
    )
    gross = sum(item.line_total.minor for item in items)
    discount, shipping = gross // 10, 490
    sent = Shipment(at=_AT, lines=(Units(product=_APPLES, quantity=2), Units(product=_TEA, quantity=1)))
    return Purchase(
        id="019a6e33-5c40-7b21-8b7e-3a4b5c6d7e8f",
        user="019a6e33-5c40-7b21-8b7e-3a4b5c6d7e8e",
        status=status,
        items=items,
        total=_euros(gross - discount + shipping),
        created_at=_AT,
        updated_at=_AT,
        version=1,
        history=(),
        shipments=(replace(sent, carrier="DHL", tracking="JD014600003245671234"),),
        pay_by=_AT + timedelta(minutes=30),
        discount=discount,
        shipping=shipping,
        voucher="SPRING-10",
    )


def _item(product: str, sku: str, name: str, price: int, quantity: int) -> Item:
    return Item(
        product=product,
        sku=sku,
        name=name,
        unit_price=_euros(price),
        quantity=quantity,
        line_total=_euros(price * quantity),
    )


def _euros(cents: int) -> Money:
    return Money(minor=cents, currency="EUR")
