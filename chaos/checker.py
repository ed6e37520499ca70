"""Holds what was answered against what is there. A pure function of a history and of what every node holds at the end.

It does not trust the shop's own record of what was done: a purchase counts by its lines, an adjustment by the sum, and
the record is asked only whether an acknowledged outcome is on every node.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce

import orjson

from chaos.contents import Contents
from chaos.history import Call, History, Kind
from chaos.stage import Stage

#: Seconds in which every request must be answered: the deadline of 10 s, and something for a busy machine.
LONGEST = 13.0
#: Seconds for which the record of a request without a key can be relied upon: it is kept for 600.
_REMEMBERED = 500.0
#: What is recorded of a request that was answered so.
_TAGS = {
    (Kind.PURCHASE, 201): "PLACED",
    (Kind.PURCHASE, 409): "INSUFFICIENT_STOCK",
    (Kind.ADJUSTMENT, 200): "ADJUSTED",
    (Kind.ADJUSTMENT, 409): "INSUFFICIENT_STOCK",
    (Kind.REGISTRATION, 201): "REGISTERED",
    (Kind.CANCELLATION, 200): "MOVED",
}
_MAY_BE_REFUSED = {(Kind.PURCHASE, "insufficient-stock"), (Kind.ADJUSTMENT, "insufficient-stock")}


class Wrong(StrEnum):
    """The ways in which a promise can be broken."""

    LOST = "lost"
    DOUBLED = "doubled"
    OVERSOLD = "oversold"
    DIVERGED = "diverged"
    BAD_ANSWER = "bad answer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One broken promise: which, and about what. `due` is that of the call it is about; None where it is about no
    single call."""

    wrong: Wrong
    detail: str
    due: float | None = None


def check(history: History, stage: Stage, nodes: Mapping[str, Contents]) -> list[Finding]:
    """Everything that is wrong, given what each node, by its name, holds after the load."""
    findings = [*_answers(history, stage), *_diverged(nodes)]
    for name, contents in nodes.items():
        findings += _lost(history.writes, name, contents)
    # What follows looks at one of the nodes: they are the same, or that was found already.
    contents = next(iter(nodes.values()))
    return [*findings, *_doubled(history.writes, stage, contents), *_oversold(contents)]


def _answers(history: History, stage: Stage) -> Iterator[Finding]:
    for call in history.calls:
        wrong = _wrong_with(call, stage)
        if wrong:
            detail = f"{wrong}: {call.method} {call.path} at {call.due:.2f} s: {call.status} {call.answer[:200]!r}"
            yield Finding(wrong=Wrong.BAD_ANSWER, detail=detail, due=call.due)
    yield from _unequal(history.writes)


def _wrong_with(call: Call, stage: Stage) -> str:
    if call.kind is Kind.OWN and call.status == 404:
        return "a purchase has vanished"
    if call.seconds > LONGEST:
        return f"answered after {call.seconds:.1f} s"
    if call.status >= 500 and not (call.status == 503 and call.retry_after):
        return "no 5xx but 503 with Retry-After"
    if call.is_refusal and not _may_be_refused(call, stage):
        return "a refusal that cannot be true"
    return "" if call.is_acknowledged or call.status in (0, 503) else "an answer that nobody can expect"


def _may_be_refused(call: Call, stage: Stage) -> bool:
    if (call.kind, call.code) not in _MAY_BE_REFUSED:
        return False
    products = [item["product"] for item in call.body["items"]] if call.kind is Kind.PURCHASE and call.body else []
    return bool({*products, call.subject}.intersection(stage.scarce))


def _unequal(writes: Iterable[Call]) -> Iterator[Finding]:
    answers = defaultdict(set)
    for call in writes:
        if call.key and call.is_acknowledged:
            answers[call.key].add((call.status, call.answer))
    for key, found in answers.items():
        if len(found) > 1:
            yield Finding(wrong=Wrong.DOUBLED, detail=f"{len(found)} different answers under the key {key}")


def _diverged(nodes: Mapping[str, Contents]) -> Iterator[Finding]:
    names = list(nodes)
    for name in names[1:]:
        for what in ("revision", "users", "products", "purchases"):
            ours, theirs = getattr(nodes[names[0]], what), getattr(nodes[name], what)
            if ours != theirs:
                yield Finding(wrong=Wrong.DIVERGED, detail=f"{what} of {names[0]} and {name} differ")


def _lost(writes: Sequence[Call], name: str, contents: Contents) -> Iterator[Finding]:
    end = max((call.ended for call in writes), default=0.0)
    for call in writes:
        missing = call.is_acknowledged and _missing(call, contents, is_recent=end - call.ended < _REMEMBERED)
        if missing:
            detail = (
                f"{name} has no {missing} of {call.method} {call.path}, answered {call.status} at {call.ended:.2f} s"
            )
            yield Finding(wrong=Wrong.LOST, detail=detail, due=call.due)


def _missing(call: Call, contents: Contents, *, is_recent: bool) -> str:
    """What the node has not got of an acknowledged write; nothing where it has it all."""
    if call.is_success and call.kind is Kind.PURCHASE and call.content["id"] not in contents.purchases:
        return "purchase"
    if call.is_success and call.kind is Kind.REGISTRATION and contents.users.get(call.content["id"]) != call.subject:
        return "user"
    if call.is_success and call.kind is Kind.CANCELLATION:
        purchase = contents.purchases.get(call.subject)
        if not purchase or purchase["status"] != "cancelled":
            return "cancelled purchase"
    expected = _TAGS.get((call.kind, call.status))
    recorded = contents.outcomes.get(call.request_id)
    if expected and is_recent and not call.is_replayed and (recorded is None or recorded.tag != expected):
        return "record"
    return ""


def _doubled(writes: Sequence[Call], stage: Stage, contents: Contents) -> Iterator[Finding]:
    yield from _doubled_purchases(writes, stage, contents)
    yield from _doubled_adjustments(writes, stage, contents)
    emails = Counter(contents.users.values())
    for call in writes:
        if call.kind is Kind.REGISTRATION and emails[call.subject] > 1:
            yield Finding(wrong=Wrong.DOUBLED, detail=f"{emails[call.subject]} users {call.subject}")
    for id, purchase in contents.purchases.items():
        if [event[0] for event in orjson.loads(purchase["history"])].count("cancelled") > 1:
            yield Finding(wrong=Wrong.DOUBLED, detail=f"purchase {id} was cancelled more than once")


def _doubled_purchases(writes: Iterable[Call], stage: Stage, contents: Contents) -> Iterator[Finding]:
    """As many purchases of the same lines by the same person as were answered 201, and no more than may have been made:
    requests under one key are one."""
    made, possible = Counter[str](), Counter[str]()
    for call in _by_key(writes):
        if call.kind is Kind.PURCHASE and call.body and not call.is_refusal:
            lines = _lines(call.caller, [(item["product"], item["quantity"]) for item in call.body["items"]])
            possible[lines] += 1
            made[lines] += call.is_success
    ours = {person.id for person in stage.customers}
    kept = Counter(
        _lines(purchase["user"], [(item[0], item[4]) for item in orjson.loads(purchase["items"])])
        for purchase in contents.purchases.values()
        if purchase["user"] in ours
    )
    for lines in kept | made:
        if not made[lines] <= kept[lines] <= possible[lines]:
            detail = f"{kept[lines]} purchases {lines}, {made[lines]} answered 201, {possible[lines]} possible"
            wrong = Wrong.LOST if kept[lines] < made[lines] else Wrong.DOUBLED
            yield Finding(wrong=wrong, detail=detail)


def _doubled_adjustments(writes: Iterable[Call], stage: Stage, contents: Contents) -> Iterator[Finding]:
    """The adjustments of a product add up to those that were answered 200, and some of those that are unknown."""
    certain, unknown = Counter[str](), defaultdict[str, list[int]](list)
    for call in _by_key(writes):
        if call.kind is Kind.ADJUSTMENT and call.body and not call.is_refusal:
            if call.is_success:
                certain[call.subject] += call.body["delta"]
            else:
                unknown[call.subject].append(call.body["delta"])
    for id in stage.products:
        adjusted = int(contents.products[id].get("adjusted", 0))
        if adjusted - certain[id] not in _sums(unknown[id]):
            detail = f"product {id}: adjusted by {adjusted}, {certain[id]} answered 200"
            yield Finding(wrong=Wrong.DOUBLED, detail=f"{detail}, {unknown[id]} unknown")


def _sums(deltas: Iterable[int]) -> set[int]:
    """What any choice of these can add up to."""
    return reduce(lambda sums, delta: sums | {total + delta for total in sums}, deltas, {0})


def _by_key(writes: Iterable[Call]) -> Iterator[Call]:
    """Each request once: of those under one key, the one that knows most."""
    under: dict[str, Call] = {}
    for call in writes:
        if not call.key:
            yield call
        elif call.key not in under or (call.is_acknowledged and not under[call.key].is_acknowledged):
            under[call.key] = call
    yield from under.values()


def _lines(buyer: str, lines: Iterable[tuple[str, int | str]]) -> str:
    return f"{buyer}: {sorted((product, int(quantity)) for product, quantity in lines)}"


def _oversold(contents: Contents) -> Iterator[Finding]:
    sold = Counter[str]()
    for purchase in contents.purchases.values():
        if purchase["status"] != "cancelled" and not purchase.get("restocked"):
            for item in orjson.loads(purchase["items"]):
                sold[item[0]] += int(item[4])
    for id, product in contents.products.items():
        stock, first = int(product["stock"]), int(product["opening"]) + int(product.get("adjusted", 0))
        if stock < 0 or stock != first - sold[id]:
            yield Finding(wrong=Wrong.OVERSOLD, detail=f"product {id}: {stock} left, {first} in all, {sold[id]} sold")
