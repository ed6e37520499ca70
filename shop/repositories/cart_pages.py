"""Pages of carts in Redis, as staff see them."""

from collections.abc import Sequence
from typing import Any

from exactly_once import Store
from shop.domain.carts import CartSummary
from shop.domain.pages import Page, Position
from shop.repositories.keys import Keys
from shop.repositories.pages import Window
from shop.repositories.records.carts import summary_of


def cart_page(store: Store, keys: Keys, owner: str | None, size: int, position: Position | None) -> Page[CartSummary]:
    """Return a page of the carts of a user, None: of all guests. A position is the time of a cart's last change, to the
    microsecond."""
    window = Window(size=size, position=position, descending=True)
    first, last = ("+inf", "-inf") if window.is_reversed else ("-inf", "+inf")
    now_ms, *rows = store.read_script(
        "cart_page",
        keys={"carts": keys.guest_carts if owner is None else keys.user_carts(owner)},
        args={
            "bound": f"({position.key}" if position else first,
            "last": last,
            "descending": int(window.is_reversed),
            "wanted": size + 1,
            "cart_prefix": keys.cart_prefix,
        },
    )
    page = window.page([(score, _summary(now_ms, id, rest)) for score, id, *rest in rows])
    return Page(results=[found for found in page.results if found], next=page.next, previous=page.previous)


def _summary(now_ms: str, id: str, rest: Sequence[Any]) -> CartSummary | None:
    """The summary of a row of a page; None where the cart has expired."""
    return summary_of(now_ms, id, rest[:-1], rest[-1]) if rest else None
