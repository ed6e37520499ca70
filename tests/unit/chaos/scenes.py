"""A run in which everything went well, and changes to it."""

from dataclasses import replace

import orjson

from chaos.checker import check
from chaos.contents import Contents, ProductContents, PurchaseContents, RecordedOutcome
from chaos.history import Call, CallKind, History
from chaos.stage import Person, Stage

ANN, BOB = "ann", "bob"
TEA, CAKE = "tea", "cake"
STAGE = Stage(
    staff=Person(id="staff", token="s"),
    customers=[Person(id=ANN, token="a"), Person(id=BOB, token="b")],
    plentiful=[TEA],
    scarce=[CAKE],
)
NODES = ("redis-1", "redis-2", "redis-3")


def purchase(number, caller=ANN, product=TEA, status=201, **changes):
    """Two units, answered with the purchase of this number."""
    answer = orjson.dumps({"id": f"purchase-{number}"})
    body = {"items": [{"product": product, "quantity": 2}]}
    call = written(CallKind.PURCHASE, "/purchases/", caller, body, status, answer, request_id=f"request-{number}")
    return with_changes(call, **changes)


def refused(number, product, code):
    answer = orjson.dumps({"code": code})
    return purchase(number, product=product, status=409, answer=answer)


def adjustment(delta, status=200, **changes):
    answer = orjson.dumps({"stock": 0})
    body = {"delta": delta, "reason": "a count"}
    call = written(CallKind.ADJUSTMENT, "/products/tea/stock/", "staff", body, status, answer, subject=TEA)
    return with_changes(call, **{"request_id": "adjusted", **changes})


def registration(email, **changes):
    answer = orjson.dumps({"id": email.partition("@")[0]})
    call = written(CallKind.REGISTRATION, "/users/", "", {}, 201, answer, subject=email, request_id="registered")
    return with_changes(call, **changes)


def creation(id, **changes):
    call = written(CallKind.CREATION, "/products/", "staff", {"stock": 3}, 201, orjson.dumps({"id": id}))
    return with_changes(call, **{"subject": "sku", "request_id": "created", **changes})


def denied(call, **changes):
    """The same, answered that nothing was done."""
    answer = orjson.dumps({"code": "store-unavailable"})
    return with_changes(call, status=503, retry_after="1", answer=answer, **changes)


def stock_read(stock, at, product=TEA, status=200):
    """A read of one product that began then, and took a tenth of a second."""
    answer = orjson.dumps({"stock": stock})
    path = f"/products/{product}/"
    return Call(kind=CallKind.CATALOGUE, method="GET", path=path, due=at, ended=at + 0.1, status=status, answer=answer)


def cancellation(number, **changes):
    call = written(CallKind.CANCELLATION, f"/purchases/purchase-{number}/cancel/", ANN, {}, 200, b"{}")
    return with_changes(call, **{"subject": f"purchase-{number}", "request_id": f"cancelled-{number}", **changes})


def written(kind, path, caller, body, status, answer, **changes):
    call = Call(kind=kind, method="POST", path=path, caller=caller, body=body, status=status, answer=answer)
    return with_changes(call, **{"due": 1.0, "ended": 1.1, **changes})


def with_changes(call, **changes):
    for name, value in changes.items():
        setattr(call, name, value)
    return call


def stored(number, caller=ANN, product=TEA, status="placed", events=("placed",)):
    """The purchase of this number as a node holds it."""
    return {
        f"purchase-{number}": PurchaseContents(
            user=caller, status=status, lines=[(product, 2)], history=list(events), has_units=status != "cancelled"
        )
    }


def product(stock, opening, adjusted=0):
    return ProductContents(stock=stock, opening=opening, adjusted=adjusted)


def contents(purchases=(), users=(), outcomes=(), tea=None, revision=7):
    """What a node holds: by default, stock for the purchases that are there."""
    held = {id: purchase for some in purchases for id, purchase in some.items()}
    sold = sum(2 for purchase in held.values() if purchase.has_units and purchase.lines[0][0] == TEA)
    return Contents(
        revision=revision,
        users=dict(users),
        products={TEA: tea or product(100 - sold, 100), CAKE: product(0, 0)},
        purchases=held,
        outcomes={id: RecordedOutcome(request_id=id, tag=tag) for id, tag in outcomes},
    )


def placed(*numbers):
    return [(f"request-{number}", "PLACED") for number in numbers]


def found(calls, held, **others):
    """What the checker finds, by kind; every node holds the same but those that are named."""
    nodes = {name: others.get(name.replace("-", "_"), held) for name in NODES}
    return sorted({str(violation.anomaly) for violation in check(History(calls=list(calls)), STAGE, nodes)})


def without(held, **changes):
    return replace(held, **changes)
