"""The second half of the checker: movements that do not add up, and events without a change or changes without one."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from chaos.anomalies import Anomaly, Violation
from chaos.contents import Contents, EventContents
from chaos.history import CallKind, History
from chaos.stage import Stage
from shop.domain.purchases import Status

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
    yield from _of_creations(history, stage, contents, contents.events)
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
    mine = {id for id, purchase in contents.purchases.items() if purchase.user in customers}
    yield from _missing({change: count for change, count in changes.items() if change[0] in mine}, emitted)
    yield from _stray(emitted, changes)


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
