import json
import shlex

import pytest

from devstack import tour
from devstack.shop_client import Answer, CallFailed, Request
from devstack.tour import NothingToSell, Tour, show

PRODUCT = {"id": "7", "sku": "TEA-1", "stock": 10, "currency": "EUR"}
#: What every other answer has.
CART = ("lines", "expires_at", "totals", "hold", "voucher", "email", "problems")
PURCHASE = ("status", "items", "total", "currency", "history", "amount", "captured")
DOCUMENT = dict.fromkeys((*CART, *PURCHASE), "") | {"id": "id", "token": "token"}


class Shop:
    """Answers as the shop does where nothing goes wrong."""

    def __init__(self, *products: dict[str, object]) -> None:
        self.products, self.requests = products, list[Request]()
        #: The end of the paths that it refuses.
        self.without: tuple[str, ...] = ()

    def call(self, layout, request: Request) -> Answer:
        self.requests.append(request)
        if request.path.startswith("/products/?"):
            return Answer(status=200, document={"results": list(self.products)})
        if request.path.endswith(self.without):
            return Answer(status=422, document={"code": "validation-error"})
        return Answer(status=201 if request.method == "POST" else 200, document=DOCUMENT)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop(PRODUCT)
    monkeypatch.setattr(tour, "call", made.call)
    return made


def test_a_tour_buys_a_product_of_the_shop_twice_under_one_key(layout, shop):
    list(Tour(layout).steps())
    first, second = [request for request in shop.requests if request.path == "/purchases/" and request.body]
    assert first == second
    assert first.body == {"cart": "id"}
    assert first.cart_token == "token"
    assert first.idempotency_key


def test_a_tour_holds_what_is_in_the_cart_takes_a_voucher_and_pays(layout, shop):
    list(Tour(layout).steps())
    assert [(request.method, request.path) for request in shop.requests[2:6]] == [
        ("PUT", "/carts/id/lines/7/"),
        ("PUT", "/carts/id/hold/"),
        ("PUT", "/carts/id/voucher/"),
        ("PATCH", "/carts/id/"),
    ]
    (paid,) = [request for request in shop.requests if request.path == "/purchases/id/payments/"]
    assert paid.body == {"provider": "fake", "method": "tok_ok"}


def test_a_shop_without_the_voucher_and_the_provider_has_a_shorter_tour(layout, shop):
    shop.without = ("/voucher/", "/payments/")
    titles = [step.title for step in Tour(layout).steps()]
    assert len(titles) == 9
    assert not any("voucher" in title or "Pay" in title for title in titles)


def test_every_line_names_the_port_of_the_shop_and_can_be_typed(layout, shop):
    steps = list(Tour(layout).steps())
    assert len(steps) == len(shop.requests) == 11
    for step, request in zip(steps, shop.requests, strict=True):
        words = shlex.split(step.curl)
        assert words[:3] == ["curl", "-s", f"http://127.0.0.1:18080/api/v1{request.path}"]
        assert ("-X" in words) == (request.method in ("PUT", "PATCH"))
        assert request.body is None or json.loads(words[words.index("-d") + 1]) == request.body


def test_an_empty_shop_has_nothing_to_sell(layout, shop):
    shop.products = ()
    with pytest.raises(NothingToSell):
        list(Tour(layout).steps())


def test_another_answer_than_expected_ends_the_tour_with_the_line_that_had_it(layout, shop, monkeypatch):
    monkeypatch.setattr(tour, "call", lambda layout, request: Answer(status=503, document={"title": "Overloaded"}))
    with pytest.raises(CallFailed, match=r"curl -s [^\n]*\nwas answered 503: [^\n]*Overloaded"):
        list(Tour(layout).steps())


def test_a_long_answer_is_cut_off_and_says_so():
    text = show(Answer(status=200, document=list(range(100)), headers={"Idempotent-Replayed": "true"}))
    assert text.splitlines()[:2] == ["200 OK", "Idempotent-Replayed: true"]
    assert text.endswith("... 78 more lines")


def test_fields_that_are_named_are_shown_alone():
    text = show(Answer(status=200, document={"id": 7, "status": "paid", "items": []}), ("status",))
    assert text.splitlines() == ["200 OK", "{", '  "status": "paid"', "}", "... and 2 more fields"]
