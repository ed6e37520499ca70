"""The first purchase, step by step: what a client sends, as a line for a shell, and what the shop answers."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from devstack.layout import Layout
from devstack.shop_client import Answer, CallFailed, Request, call

#: Lines of an answer that are shown.
MAX_LINES = 24
OK, CREATED = 200, 201
#: Where a shop has no such voucher, or no such provider.
NOT_HERE = (400, 422)
VOUCHER = "WELCOME10"
PURCHASE = ("id", "status", "items", "total", "currency")
PAYMENT = {"provider": "fake", "method": "tok_ok"}
REPLAYED = "Idempotent-Replayed"


class NothingToSell(Exception):
    """No product is in stock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A request that was made, and its answer, of which these fields are shown; all, where none are named."""

    title: str
    curl: str
    answer: Answer
    fields: tuple[str, ...] = ()


class Tour:
    """Steps of a first purchase at the shop of this layout: by a guest, through a cart."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def steps(self) -> Iterator[Step]:
        """Make one request after the other. Raises NothingToSell and CallFailed."""
        first = self._step(
            "Find a product: reading takes no account", Request(path="/products/?in_stock=true&page_size=1")
        )
        if not first.answer.document["results"]:
            raise NothingToSell
        yield first
        product = first.answer.document["results"][0]
        made = self._step(
            "Make a cart, as a guest: its token, in the answer, is all that it takes",
            Request(path="/carts/", body={"currency": product["currency"]}),
            CREATED,
            ("id", "token", "lines", "expires_at"),
        )
        yield made
        cart = f"/carts/{made.answer.document['id']}/"
        yield from self._fill(cart, product, made.answer.document["token"])
        yield from self._buy(made.answer.document, product)

    def _fill(self, cart: str, product: dict[str, str], token: str) -> Iterator[Step]:
        line = Request(path=f"{cart}lines/{product['id']}/", verb="PUT", body={"quantity": 1}, cart_token=token)
        yield self._step("Put one into it", line, fields=("lines", "totals"))
        hold = Request(path=f"{cart}hold/", verb="PUT", body={"minutes": 15}, cart_token=token)
        yield self._step(
            "Hold it for a quarter of an hour: no one else gets this unit meanwhile", hold, fields=("id", "hold")
        )
        code = Request(path=f"{cart}voucher/", verb="PUT", body={"code": VOUCHER}, cart_token=token)
        # The sample that `seed` loads has this voucher: another catalogue need not.
        yield from self._step_if("Take a tenth off, by a voucher", code, OK, ("voucher", "totals"))
        guest = Request(path=cart, verb="PATCH", body={"email": "guest@example.com"}, cart_token=token)
        yield self._step("Say where the confirmation goes", guest, fields=("email", "problems"))

    def _buy(self, cart: dict[str, str], product: dict[str, str]) -> Iterator[Step]:
        token, key = cart["token"], f"tour-{secrets.token_hex(4)}"
        order = Request(path="/purchases/", body={"cart": cart["id"]}, cart_token=token, idempotency_key=key)
        bought = self._step("Buy the cart, under a key of your own", order, CREATED, PURCHASE)
        yield bought
        yield self._step(
            "Send the same line again, as after a lost answer: it is still one purchase", order, CREATED, PURCHASE
        )
        purchase = f"/purchases/{bought.answer.document['id']}/"
        pay = Request(path=f"{purchase}payments/", body=PAYMENT, cart_token=token, idempotency_key=f"{key}-pay")
        # Where the shop was started with another provider, a card has to be typed by a person.
        yield from self._step_if(
            "Pay it: this provider moves no money, and tok_decline would be declined",
            pay,
            CREATED,
            ("id", "status", "amount", "captured"),
        )
        yield self._step("See your purchase", Request(path=purchase, cart_token=token), fields=(*PURCHASE, "history"))
        yield self._step("See the stock: one unit less", Request(path=f"/products/by-sku/{product['sku']}/"))

    def _step_if(self, title: str, request: Request, status: int, fields: tuple[str, ...]) -> Iterator[Step]:
        """The step, where this shop can do it."""
        answer = call(self._layout, request)
        if answer.status not in (status, *NOT_HERE):
            raise self._failed(request, answer)
        if answer.status == status:
            yield Step(title=title, curl=request.curl(self._layout), answer=answer, fields=fields)

    def _step(self, title: str, request: Request, status: int = OK, fields: tuple[str, ...] = ()) -> Step:
        answer = call(self._layout, request)
        if answer.status != status:
            raise self._failed(request, answer)
        return Step(title=title, curl=request.curl(self._layout), answer=answer, fields=fields)

    def _failed(self, request: Request, answer: Answer) -> CallFailed:
        line, document = request.curl(self._layout), json.dumps(answer.document)
        return CallFailed(f"{line}\nwas answered {answer.status}: {document}")


def show(answer: Answer, fields: tuple[str, ...] = ()) -> str:
    """The answer as lines: status, whether it is a replay, and the beginning of the document, or these fields of it."""
    shown = {name: answer.document[name] for name in fields} if fields else answer.document
    lines = json.dumps(shown, indent=2, ensure_ascii=False).splitlines()
    rest = [f"... {len(lines) - MAX_LINES} more lines"] if len(lines) > MAX_LINES else []
    others = [f"... and {len(answer.document) - len(fields)} more fields"] if fields else []
    replayed = [f"{REPLAYED}: {answer.headers[REPLAYED]}"] if REPLAYED in answer.headers else []
    return "\n".join([f"{answer.status} {answer.reason}", *replayed, *lines[:MAX_LINES], *rest, *others])
