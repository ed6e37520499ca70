"""A cart becomes one purchase at most, of the lines that are in it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from chaos.anomalies import Anomaly, Violation
from chaos.contents import Contents
from chaos.history import Call, CallKind


def doubled_carts(writes: Iterable[Call], contents: Contents) -> Iterator[Violation]:
    """Yield each cart that was bought more than once, and each that became a purchase of other lines."""
    bought = defaultdict[str, list[str]](list)
    for id, purchase in contents.purchases.items():
        if purchase.cart:
            bought[purchase.cart].append(id)
    for cart, purchases in bought.items():
        if len(purchases) > 1:
            yield Violation(anomaly=Anomaly.DOUBLED, detail=f"the cart {cart} became {sorted(purchases)}")
    yield from _answered_otherwise([call for call in writes if call.kind is CallKind.CHECKOUT], contents)


def _answered_otherwise(checkouts: Iterable[Call], contents: Contents) -> Iterator[Violation]:
    answered: dict[str, str] = {}
    for call in checkouts:
        if not call.is_success:
            continue
        purchase = call.content["id"]
        if answered.setdefault(call.subject, purchase) != purchase:
            detail = f"the cart {call.subject} was answered with {answered[call.subject]} and {purchase}"
            yield Violation(anomaly=Anomaly.DOUBLED, detail=detail, due=call.due)
        found = contents.purchases.get(purchase)
        if found and sorted(found.lines) != sorted(call.items):
            detail = f"the cart {call.subject} had {sorted(call.items)} and became {sorted(found.lines)}"
            yield Violation(anomaly=Anomaly.BAD_ANSWER, detail=detail, due=call.due)
