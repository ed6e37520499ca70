"""The first purchase, step by step: what a client sends, as a line for a shell, and what the shop answers."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from devstack.layout import Layout
from devstack.shop_client import Answer, CallFailed, Request, call, registration

#: Lines of an answer that are shown.
MAX_LINES = 24
OK, CREATED = 200, 201
REPLAYED = "Idempotent-Replayed"


class NothingToSell(Exception):
    """No product is in stock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A request that was made, and its answer."""

    title: str
    curl: str
    answer: Answer


class Tour:
    """Steps of a first purchase at the shop of this layout."""

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
        product, customer = first.answer.document["results"][0], registration()
        yield self._step("Register as a customer", Request(path="/users/", body=customer), CREATED)
        signed_in = self._step("Sign in: the answer has a token", Request(path="/auth/token/", body=customer))
        yield signed_in
        yield from self._purchase(product, signed_in.answer.document["token"])

    def _purchase(self, product: dict[str, str], token: str) -> Iterator[Step]:
        items = [{"product": product["id"], "quantity": 1}]
        key = f"tour-{secrets.token_hex(4)}"
        order = Request(path="/purchases/", body={"items": items}, token=token, idempotency_key=key)
        yield self._step("Buy one, under a key of your own", order, CREATED)
        yield self._step("Send the same line again, as after a lost answer: it is still one purchase", order, CREATED)
        yield self._step("See the stock: one unit less", Request(path=f"/products/by-sku/{product['sku']}/"))
        yield self._step("See your purchases: there is one", Request(path="/purchases/", token=token))

    def _step(self, title: str, request: Request, status: int = OK) -> Step:
        answer = call(self._layout, request)
        if answer.status != status:
            raise CallFailed(
                f"{request.curl(self._layout)}\nwas answered {answer.status}: {json.dumps(answer.document)}"
            )
        return Step(title=title, curl=request.curl(self._layout), answer=answer)


def show(answer: Answer) -> str:
    """The answer as lines: status, whether it is a replay, and the beginning of the document."""
    lines = json.dumps(answer.document, indent=2, ensure_ascii=False).splitlines()
    rest = [f"... {len(lines) - MAX_LINES} more lines"] if len(lines) > MAX_LINES else []
    replayed = [f"{REPLAYED}: {answer.headers[REPLAYED]}"] if REPLAYED in answer.headers else []
    return "\n".join([f"{answer.status} {answer.reason}", *replayed, *lines[:MAX_LINES], *rest])
