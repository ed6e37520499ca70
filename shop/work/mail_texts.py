"""What the mails about purchases say, in plain text and in HTML."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.template import Context, Engine, Template

from shop.domain.events import EventType
from shop.domain.money import Money
from shop.domain.purchases import Purchase, Status

_SENT = (Status.SHIPPED, Status.PARTIALLY_SHIPPED)
_PAY = (EventType.PURCHASE_PLACED, EventType.PAYMENT_FAILED)
#: Events of which the mail says how much has been refunded.
REFUNDS = (EventType.PURCHASE_REFUNDED, EventType.PURCHASE_PARTIALLY_REFUNDED)
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
    EventType.PURCHASE_PARTIALLY_SHIPPED: Wording(
        "A part of your order is on its way", "We have sent a part of your order."
    ),
    EventType.PURCHASE_SHIPPED: Wording("Your order is on its way", "We have sent your order."),
    EventType.PURCHASE_CANCELLED: Wording("Your order was cancelled", "Your order was cancelled."),
    EventType.PURCHASE_EXPIRED: Wording("Your order has expired", "It was not paid in time, so nothing will be sent."),
    EventType.PURCHASE_PARTIALLY_REFUNDED: Wording("Your refund", "We have refunded a part of your order."),
    EventType.PURCHASE_REFUNDED: Wording("Your refund", "We have refunded your order."),
    EventType.PAYMENT_FAILED: Wording(
        "Your payment failed", "The payment of your order was declined. Please pay by another method.", "purchase"
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class MailText:
    """A mail without its addresses."""

    subject: str
    plain: str
    html: str


def mail_text(type: EventType, purchase: Purchase, *, refunded: Money | None = None, origin: str = "") -> MailText:
    """Write the mail of an event of this type. `refunded` is what of the purchase has been refunded by now, where
    the event is of REFUNDS; `origin` is the one of links, empty for none."""
    wording = MAILS[type]
    context = Context(
        {
            "subject": wording.subject,
            "paragraphs": [wording.paragraph, *_details(type, purchase)],
            "items": purchase.items,
            "subtotal": purchase.totals.items if purchase.discount or purchase.shipping else "",
            "discount": purchase.totals.discount if purchase.discount else "",
            "voucher": purchase.voucher,
            "shipping": purchase.totals.shipping if purchase.shipping else "",
            "total": purchase.total,
            "refunded": refunded if refunded and refunded.minor else "",
            "currency": purchase.total.currency,
            "purchase": purchase.id,
            "placed_on": f"{purchase.created_at:%Y-%m-%d}",
            # A guest has no account to see it with.
            "url": f"{origin}/api/v1/purchases/{purchase.id}/" if origin and purchase.user else "",
        }
    )
    return MailText(
        subject=f"{wording.subject} ({purchase.id[-8:]})",
        plain=_template("purchase.txt").render(context),
        html=_template("purchase.html").render(context),
    )


def _details(type: EventType, purchase: Purchase) -> Iterator[str]:
    """Yield what the customer should know besides."""
    if type in _PAY and purchase.status is Status.PLACED and purchase.pay_by:
        yield f"Your order can be paid until {purchase.pay_by:%Y-%m-%d %H:%M} UTC. After that it expires."
    yield from _parcel(type, purchase)


def _parcel(type: EventType, purchase: Purchase) -> Sequence[str]:
    """What is in the last shipment, where that is a part of the order, and how it is followed, where that is known."""
    last = purchase.shipments[-1] if purchase.shipments else None
    if purchase.status not in _SENT or last is None:
        return ()
    names = {item.product: item.name for item in purchase.items}
    units = "; ".join(f"{line.quantity} x {names.get(line.product, line.product)}" for line in last.lines)
    is_part = type is EventType.PURCHASE_PARTIALLY_SHIPPED and units
    contents = (f"In this parcel: {units}.",) if is_part else ()
    tracking = (f"It travels with {last.carrier or 'our carrier'}: {last.tracking}",) if last.tracking else ()
    return (*contents, *tracking)


@cache
def _engine() -> Engine:
    return Engine(dirs=[str(_TEMPLATES / "work")])


def _template(name: str) -> Template:
    return _engine().get_template(name)
