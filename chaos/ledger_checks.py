"""The second half of the checker: movements that do not add up, and events without a change or changes without one."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set

from chaos.anomalies import Anomaly, Violation
from chaos.contents import Contents, EventContents
from chaos.history import CallKind, History
from chaos.stage import Stage
from shop.domain.events import EventType
from shop.domain.payments import MANUAL
from shop.domain.purchases import Status

#: The events that the receiver of a run gets.
DELIVERED = EventType.PURCHASE_PAID
_ONCE = ("payment.begun", "refund.requested", "refund.succeeded", "return.requested")
_OF_STATUS = {f"purchase.{status}" for status in Status}


def miscounted(contents: Contents) -> Iterator[Violation]:
    """Yield each product whose movements differ from its stock, or from the purchases of its units."""
    bought = _units_of_purchases(contents)
    for id, product in contents.products.items():
        if product.moved is None:
            continue
        if sum(product.moved.values()) != product.stock:
            yield _miscount(id, f"{product.stock} left, its movements add up to {sum(product.moved.values())}")
        elif not product.is_cut:
            yield from _unequal(id, product.moved, bought.get(id, {}))


def _units_of_purchases(contents: Contents) -> Mapping[str, Mapping[str, int]]:
    """Of each product, the units that each purchase has."""
    units: dict[str, Counter[str]] = {}
    for id, purchase in contents.purchases.items():
        for product, quantity in purchase.lines:
            held = quantity - purchase.restocked.get(product, 0) if purchase.has_units else 0
            units.setdefault(product, Counter())[id] += held
    return units


def _unequal(product: str, moved: Mapping[str, int], bought: Mapping[str, int]) -> Iterator[Violation]:
    for purchase, units in bought.items():
        if moved.get(purchase, 0) != -units:
            yield _miscount(product, f"purchase {purchase} has {units} units and moved {moved.get(purchase, 0)}")


def _miscount(product: str, detail: str) -> Violation:
    return Violation(anomaly=Anomaly.MISCOUNTED, detail=f"product {product}: {detail}")


def misreported(history: History, stage: Stage, contents: Contents) -> Iterator[Violation]:
    """Yield each change of this run that has no event, and each event that has no change."""
    if contents.events is None:
        return
    yield from _of_purchases(stage, contents, contents.events)
    yield from _of_payments(contents, contents.events)
    yield from _of_vouchers(contents, contents.events)
    yield from _of_creations(history, stage, contents, contents.events)
    yield from _misdelivered(contents)
    adjusted = Counter[str]()
    for event in contents.events:
        adjusted[event.object] += event.units if event.type == "product.stock_adjusted" else 0
    for id in stage.products:
        if adjusted[id] != contents.products[id].adjusted:
            detail = f"product {id}: adjusted by {contents.products[id].adjusted}, its events say {adjusted[id]}"
            yield Violation(anomaly=Anomaly.MISSING_EVENT, detail=detail)


def _of_purchases(stage: Stage, contents: Contents, events: Iterable[EventContents]) -> Iterator[Violation]:
    customers = {person.id for person in stage.customers}
    emitted = Counter((event.object, event.type) for event in events if event.type in _OF_STATUS)
    changes = Counter(
        (id, f"purchase.{status}") for id, purchase in contents.purchases.items() for status in purchase.history
    )
    mine = {id for id, each in contents.purchases.items() if each.user in customers or (each.cart and not each.user)}
    yield from _missing({change: count for change, count in changes.items() if change[0] in mine}, emitted)
    yield from _stray(emitted, changes)


def _of_payments(contents: Contents, events: Iterable[EventContents]) -> Iterator[Violation]:
    """Of payments, refunds and returns: how each began, and what has become of it."""
    if contents.payments is None:
        return
    changes = Counter[tuple[str, str]]()
    changes.update((id, "payment.begun") for id, each in contents.payments.items() if each.provider != MANUAL)
    for refund in (refund for payment in contents.payments.values() for refund in payment.refunds):
        changes[refund.id, "refund.requested"] += 1
        changes[refund.id, "refund.succeeded"] += refund.status == "succeeded"
    for id, found in (contents.returns or {}).items():
        changes.update({(id, "return.requested"), (id, f"return.{found.status}")})
    emitted = Counter((event.object, event.type) for event in events)
    yield from _missing(changes, emitted)
    # A return has had other statuses before its last.
    yield from _stray({each: count for each, count in emitted.items() if each[1] in _ONCE}, changes)


def _of_vouchers(contents: Contents, events: Iterable[EventContents]) -> Iterator[Violation]:
    """A voucher was redeemed and given back as often as its purchases say."""
    redeemed = Counter(purchase.voucher for purchase in contents.purchases.values())
    emitted = Counter[str]()
    for event in events:
        emitted[event.object] += (event.type == "voucher.redeemed") - (event.type == "voucher.returned")
    for code in contents.vouchers or ():
        if emitted[code] != redeemed[code]:
            detail = f"voucher {code}: {redeemed[code]} purchases have it, its events say {emitted[code]}"
            anomaly = Anomaly.MISSING_EVENT if emitted[code] < redeemed[code] else Anomaly.STRAY_EVENT
            yield Violation(anomaly=anomaly, detail=detail)


def undelivered(nodes: Mapping[str, Contents], delivered: Set[str]) -> bool:
    """Whether a receiver that got these events has not got all of them."""
    return any(due_events(each) - delivered for each in nodes.values())


def due_events(contents: Contents) -> Set[str]:
    """The ids of the events that a receiver gets."""
    return {event.id for event in contents.events or () if event.type == DELIVERED}


def _misdelivered(contents: Contents) -> Iterator[Violation]:
    if contents.delivered is None:
        return
    due = due_events(contents)
    for id in sorted(due - contents.delivered):
        yield Violation(anomaly=Anomaly.MISSING_EVENT, detail=f"the event {id} was not delivered")
    for id in sorted(contents.delivered - due):
        yield Violation(anomaly=Anomaly.STRAY_EVENT, detail=f"the event {id} was delivered, and is not there")


def _of_creations(
    history: History, stage: Stage, contents: Contents, events: Iterable[EventContents]
) -> Iterator[Violation]:
    made = [call for call in history.writes if call.is_success]
    products = {*stage.products, *(call.content["id"] for call in made if call.kind is CallKind.CREATION)}
    users = {call.content["id"] for call in made if call.kind is CallKind.REGISTRATION}
    erased = {event.object for event in events if event.type == "user.erased"}
    emitted = Counter(
        (event.object, event.type) for event in events if event.type in ("product.created", "user.registered")
    )
    expected = [*((id, "product.created") for id in products), *((id, "user.registered") for id in users)]
    present = [*((id, "product.created") for id in contents.products)]
    present += [(id, "user.registered") for id in {*contents.users, *erased}]
    yield from _missing(dict.fromkeys(expected, 1), emitted)
    yield from _stray(emitted, dict.fromkeys(present, 1))


def _missing(changes: Mapping[tuple[str, str], int], emitted: Mapping[tuple[str, str], int]) -> Iterator[Violation]:
    for (object, type), count in changes.items():
        found = emitted.get((object, type), 0)
        if found < count:
            detail = f"{found} events {type} of {object}, which has changed {count} times"
            yield Violation(anomaly=Anomaly.MISSING_EVENT, detail=detail)


def _stray(emitted: Mapping[tuple[str, str], int], changes: Mapping[tuple[str, str], int]) -> Iterator[Violation]:
    for (object, type), count in emitted.items():
        changed = changes.get((object, type), 0)
        if changed < count:
            detail = f"{count} events {type} of {object}, which has changed {changed} times"
            yield Violation(anomaly=Anomaly.STRAY_EVENT, detail=detail)
