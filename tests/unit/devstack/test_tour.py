import json
import shlex

import pytest

from devstack import tour
from devstack.shop_client import Answer, CallFailed, Request
from devstack.tour import NothingToSell, Tour, show

PRODUCT = {"id": "7", "sku": "TEA-1", "stock": 10}


class Shop:
    """Answers as the shop does where nothing goes wrong."""

    def __init__(self, *products: dict[str, object]) -> None:
        self.products, self.requests = products, list[Request]()

    def call(self, layout, request: Request) -> Answer:
        self.requests.append(request)
        if request.path.startswith("/products/?"):
            return Answer(status=200, document={"results": list(self.products)})
        if request.path == "/auth/token/":
            return Answer(status=200, document={"token": "evg_1"})
        is_made = request.body is not None
        return Answer(status=201 if is_made else 200, document={"path": request.path})


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop(PRODUCT)
    monkeypatch.setattr(tour, "call", made.call)
    return made


def test_a_tour_buys_a_product_of_the_shop_twice_under_one_key(layout, shop):
    list(Tour(layout).steps())
    first, second = [request for request in shop.requests if request.path == "/purchases/" and request.body]
    assert first == second
    assert first.body == {"items": [{"product": "7", "quantity": 1}]}
    assert first.token == "evg_1"
    assert first.idempotency_key


def test_every_line_names_the_port_of_the_shop_and_can_be_typed(layout, shop):
    steps = list(Tour(layout).steps())
    assert len(steps) == len(shop.requests) == 7
    for step, request in zip(steps, shop.requests, strict=True):
        words = shlex.split(step.curl)
        assert words[:3] == ["curl", "-s", f"http://127.0.0.1:18080/api/v1{request.path}"]
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
