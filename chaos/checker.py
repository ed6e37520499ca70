"""The checker: compares the responses of a run with the final contents. A pure function of both.

It does not trust the shop's own record of what was done: a purchase counts by its lines, an adjustment by the sum, and
the record is used only to see whether an acknowledged outcome is on every node.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce

from chaos import payment_checks
from chaos.anomalies import Anomaly, Violation
from chaos.cart_checks import doubled_carts
from chaos.contents import Contents, RecordedOutcome
from chaos.history import Call, CallKind, History
from chaos.ledger_checks import miscounted, misreported
from chaos.payment_checks import unsettled, untrue_refusals
from chaos.requests import Request, requests
from chaos.stage import Stage
from chaos.staleness import NOT_FOUND, stale_reads
from chaos.voucher_checks import over_limit
from exactly_once.requests import MAX_REFUSALS

#: In which every request must be answered: the deadline of 10 s, and something for a busy machine.
MAX_RESPONSE_S = 11.5
#: For which the record of a request without a key can be relied upon: it expires after 600 s.
_RECORD_LIFE_S = 500.0
#: The refusals of a caller whose records can be relied upon: half of those that are recorded, because a call without an
#: answer may have been refused too.
_REFUSALS_OF_CALLER = MAX_REFUSALS // 2
#: What is recorded of a request that was answered so.
_TAGS = {
    (CallKind.PURCHASE, 201): "PLACED",
    (CallKind.PURCHASE, 409): "INSUFFICIENT_STOCK",
    (CallKind.ADJUSTMENT, 200): "ADJUSTED",
    (CallKind.ADJUSTMENT, 409): "INSUFFICIENT_STOCK",
    (CallKind.REGISTRATION, 201): "REGISTERED",
    (CallKind.CREATION, 201): "CREATED",
    (CallKind.CANCELLATION, 200): "MOVED",
    (CallKind.CHECKOUT, 201): "PLACED",
    (CallKind.CHECKOUT, 409): "INSUFFICIENT_STOCK",
    (CallKind.CART_VOUCHER, 422): "NOT_APPLICABLE",
    (CallKind.SHIPMENT, 200): "MOVED",
    (CallKind.RETURN, 201): "REQUESTED",
    (CallKind.RETURN_APPROVAL, 200): "MOVED",
    (CallKind.RETURN_RECEIPT, 200): "RECEIVED",
}
#: Of these, the ones that change something.
_EFFECTS = {tag for (_, status), tag in _TAGS.items() if status < 300}
_MAY_BE_REFUSED = {
    (kind, "insufficient-stock")
    for kind in (CallKind.PURCHASE, CallKind.ADJUSTMENT, CallKind.CART_HOLD, CallKind.CHECKOUT)
}
#: Of a cart with a voucher that others, or its buyer, have redeemed.
_VOUCHER_REFUSALS = {
    (CallKind.CART_VOUCHER, "voucher-not-applicable"): "NOT_APPLICABLE",
    (CallKind.CHECKOUT, "voucher-exhausted"): "VOUCHER_EXHAUSTED",
}
#: What comes of these goes on: a repeat is answered with the same payment or refund, as it is by then.
_GOES_ON = (CallKind.PAYMENT, CallKind.CAPTURE, CallKind.PAYMENT_CANCELLATION, CallKind.REFUND)


def check(history: History, stage: Stage, nodes: Mapping[str, Contents]) -> list[Violation]:
    """Every violation, given the contents of each node, by its name, after the load."""
    violations = [*_answers(history, stage), *_diverged(nodes)]
    for name, contents in nodes.items():
        violations += _lost(history.writes, name, contents)
    # What follows looks at one of the nodes: they are the same, or that was found already.
    contents = next(iter(nodes.values()))
    violations += stale_reads(history, stage, contents)
    violations += _done_all_the_same(history.writes, contents)
    violations += [*_doubled(history.writes, stage, contents), *doubled_carts(history.writes, contents)]
    violations += [*over_limit(contents), *unsettled(contents), *untrue_refusals(history.writes, contents)]
    return [*violations, *_oversold(contents), *miscounted(contents), *misreported(history, stage, contents)]


def _answers(history: History, stage: Stage) -> Iterator[Violation]:
    for call in history.calls:
        error = _error_of(call, stage)
        if error:
            detail = f"{error}: {call.method} {call.path} at {call.due:.2f} s: {call.status} {call.answer[:200]!r}"
            yield Violation(anomaly=Anomaly.BAD_ANSWER, detail=detail, due=call.due)
    yield from _unequal(history.writes)


def _error_of(call: Call, stage: Stage) -> str:
    if call.kind is CallKind.OWN and call.status == 404:
        return "a purchase has vanished"
    if call.seconds > MAX_RESPONSE_S:
        return f"answered after {call.seconds:.1f} s"
    if call.status >= 500 and not (call.status == 503 and call.retry_after):
        return "no 5xx but 503 with Retry-After"
    if call.is_refusal and not _may_be_refused(call, stage):
        return "a refusal that cannot be true"
    if call.product and call.status == NOT_FOUND:
        # Whether that can be true depends on when it was created: see staleness.py.
        return ""
    return "" if call.is_acknowledged or call.status in (0, 503) else "a response that no client can expect"


def _may_be_refused(call: Call, stage: Stage) -> bool:
    if (call.kind, call.code) in _VOUCHER_REFUSALS:
        return call.voucher in stage.vouchers
    if (call.kind, call.code) in payment_checks.MAY_BE_REFUSED:
        return True
    if (call.kind, call.code) not in _MAY_BE_REFUSED or (call.kind is CallKind.CHECKOUT and call.is_held):
        return False
    products = [product for product, _ in call.items]
    if call.kind is CallKind.PURCHASE:
        products = [product for product, _ in _items(call)]
    return bool({*products, call.subject}.intersection(stage.scarce))


def _unequal(writes: Iterable[Call]) -> Iterator[Violation]:
    answers = defaultdict(set)
    for call in writes:
        if call.key and call.is_acknowledged:
            answer = call.content["id"] if call.kind in _GOES_ON and call.is_success else call.answer
            answers[call.key].add((call.status, answer))
    for key, responses in answers.items():
        if len(responses) > 1:
            yield Violation(anomaly=Anomaly.DOUBLED, detail=f"{len(responses)} different answers under the key {key}")


def _diverged(nodes: Mapping[str, Contents]) -> Iterator[Violation]:
    names = list(nodes)
    for name in names[1:]:
        for what in ("revision", "users", "products", "purchases", "payments", "returns", "vouchers", "events"):
            if getattr(nodes[names[0]], what) != getattr(nodes[name], what):
                yield Violation(anomaly=Anomaly.DIVERGED, detail=f"{what} of {names[0]} and {name} differ")


def _lost(writes: Sequence[Call], name: str, contents: Contents) -> Iterator[Violation]:
    recorded = _recorded(writes)
    for call in writes:
        missing = call.is_acknowledged and _missing(call, contents, is_recent=id(call) in recorded)
        if missing:
            detail = (
                f"{name} has no {missing} of {call.method} {call.path}, answered {call.status} at {call.ended:.2f} s"
            )
            yield Violation(anomaly=Anomaly.LOST, detail=detail, due=call.due)


def _recorded(writes: Sequence[Call]) -> set[int]:
    """The calls, by identity, whose records are there still."""
    end = max((call.ended for call in writes), default=0.0)
    recent = [call for call in writes if end - call.ended < _RECORD_LIFE_S]
    refusals: dict[str, list[Call]] = defaultdict(list)
    for call in sorted(recent, key=lambda call: call.ended):
        if call.is_refusal and call.caller:
            refusals[call.caller].append(call)
    dropped = {id(call) for calls in refusals.values() for call in calls[:-_REFUSALS_OF_CALLER]}
    return {id(call) for call in recent} - dropped


def _missing(call: Call, contents: Contents, *, is_recent: bool) -> str:
    """What the contents lack of an acknowledged write; empty where they have it all."""
    effect = _missing_effect(call, contents) if call.is_success else ""
    return effect or ("record" if is_recent and _lacks_record(call, contents.outcomes) else "")


def _missing_effect(call: Call, contents: Contents) -> str:
    if call.kind in (CallKind.PURCHASE, CallKind.CHECKOUT) and call.content["id"] not in contents.purchases:
        return "purchase"
    if call.kind is CallKind.REGISTRATION and contents.users.get(call.content["id"]) != call.subject:
        return "user"
    if call.kind is CallKind.CREATION and call.content["id"] not in contents.products:
        return "product"
    if call.kind is CallKind.CANCELLATION:
        purchase = contents.purchases.get(call.subject)
        return "" if purchase and purchase.status == "cancelled" else "cancelled purchase"
    return payment_checks.missing_effect(call, contents)


def _lacks_record(call: Call, outcomes: Mapping[str, RecordedOutcome] | None) -> bool:
    expected = _VOUCHER_REFUSALS.get((call.kind, call.code)) or _TAGS.get((call.kind, call.status))
    if outcomes is None or expected is None or call.is_replayed:
        return False
    return call.request_id not in outcomes or outcomes[call.request_id].tag != expected


def _done_all_the_same(writes: Sequence[Call], contents: Contents) -> Iterator[Violation]:
    """Writes that took effect although their clients were answered that nothing was done."""
    emails = set(contents.users.values())
    for request in requests(writes):
        call = request.call
        if call.did_nothing and _took_effect(call, emails, contents):
            detail = f"done although answered store-unavailable: {call.method} {call.path} at {call.due:.2f} s"
            yield Violation(anomaly=Anomaly.BAD_ANSWER, detail=detail, due=call.due)


def _took_effect(call: Call, emails: set[str], contents: Contents) -> bool:
    if call.kind is CallKind.REGISTRATION and call.subject in emails:
        return True
    outcome = (contents.outcomes or {}).get(call.request_id)
    return outcome is not None and outcome.tag in _EFFECTS


def _doubled(writes: Sequence[Call], stage: Stage, contents: Contents) -> Iterator[Violation]:
    yield from _doubled_purchases(writes, stage, contents)
    yield from _doubled_adjustments(writes, stage, contents)
    emails = Counter(contents.users.values())
    for call in writes:
        if call.kind is CallKind.REGISTRATION and emails[call.subject] > 1:
            yield Violation(anomaly=Anomaly.DOUBLED, detail=f"{emails[call.subject]} users {call.subject}")
    for id, purchase in contents.purchases.items():
        for status in ("paid", "cancelled"):
            if purchase.history.count(status) > 1:
                yield Violation(anomaly=Anomaly.DOUBLED, detail=f"purchase {id} was {status} more than once")


def _doubled_purchases(writes: Iterable[Call], stage: Stage, contents: Contents) -> Iterator[Violation]:
    """As many purchases of the same lines by the same person as were answered 201, and no more than may have been made:
    requests under one key are one, and one that was answered `store-unavailable` made none."""
    made, possible, denied = Counter[str](), Counter[str](), Counter[str]()
    dues = defaultdict[str, list[float]](list)
    for request in _of(CallKind.PURCHASE, writes):
        lines = _lines(request.call.caller, _items(request.call))
        possible[lines] += request.is_possible
        made[lines] += request.is_done
        denied[lines] += request.call.did_nothing
        dues[lines].append(request.call.due)
    for lines, actual in _purchases(stage, contents, made).items():
        if not made[lines] <= actual <= possible[lines]:
            detail = f"{actual} purchases {lines}, {made[lines]} answered 201, {possible[lines]} possible"
            detail = f"{detail}, {denied[lines]} answered store-unavailable"
            excess = _excess(actual <= possible[lines] + denied[lines])
            anomaly = Anomaly.LOST if actual < made[lines] else excess
            due = dues[lines][0] if len(dues[lines]) == 1 else None
            yield Violation(anomaly=anomaly, detail=detail, due=due)


def _purchases(stage: Stage, contents: Contents, made: Mapping[str, int]) -> Mapping[str, int]:
    """How many purchases there are of each buyer and lines, of those that were made too."""
    customers = {person.id for person in stage.customers}
    actual = Counter(
        _lines(purchase.user, purchase.lines)
        for purchase in contents.purchases.values()
        if purchase.user in customers and not purchase.cart
    )
    return {lines: actual[lines] for lines in [*actual, *made]}


def _doubled_adjustments(writes: Iterable[Call], stage: Stage, contents: Contents) -> Iterator[Violation]:
    """The adjustments of a product add up to those that were answered 200, and some of those that are unknown."""
    certain = Counter[str]()
    unknown, denied = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for request in _of(CallKind.ADJUSTMENT, writes):
        product, delta = request.call.subject, (request.call.body or {})["delta"]
        if request.is_done:
            certain[product] += delta
        else:
            (unknown if request.is_possible else denied)[product].append(delta)
    for id in stage.products:
        adjusted = contents.products[id].adjusted
        left = adjusted - certain[id]
        if left not in _sums(unknown[id]):
            detail = f"product {id}: adjusted by {adjusted}, {certain[id]} answered 200, {unknown[id]} unknown"
            anomaly = _excess(left in _sums([*unknown[id], *denied[id]]))
            yield Violation(anomaly=anomaly, detail=f"{detail}, {denied[id]} answered store-unavailable")


def _excess(is_explained: bool) -> Anomaly:
    """The anomaly of an effect too many: where a write that was denied explains it, its answer was false."""
    return Anomaly.BAD_ANSWER if is_explained else Anomaly.DOUBLED


def _of(kind: CallKind, writes: Iterable[Call]) -> Iterator[Request]:
    """The requests of this kind that were not refused."""
    for request in requests(call for call in writes if call.kind is kind):
        if not request.call.is_refusal:
            yield request


def _items(call: Call) -> list[tuple[str, int]]:
    return [(item["product"], item["quantity"]) for item in (call.body or {})["items"]]


def _sums(deltas: Iterable[int]) -> set[int]:
    """What any choice of these can add up to."""
    return reduce(lambda sums, delta: sums | {total + delta for total in sums}, deltas, {0})


def _lines(buyer: str, lines: Iterable[tuple[str, int]]) -> str:
    return f"{buyer}: {sorted(lines)}"


def _oversold(contents: Contents) -> Iterator[Violation]:
    sold = Counter[str]()
    for purchase in contents.purchases.values():
        if purchase.has_units:
            for product_id, quantity in purchase.lines:
                sold[product_id] += quantity - purchase.restocked.get(product_id, 0)
    for id, product in contents.products.items():
        supply = product.opening + product.adjusted
        if product.stock < product.held or product.stock < 0 or product.stock != supply - sold[id]:
            detail = f"product {id}: {product.stock} left, {product.held} held, {supply} in all, {sold[id]} sold"
            yield Violation(anomaly=Anomaly.OVERSOLD, detail=detail)
