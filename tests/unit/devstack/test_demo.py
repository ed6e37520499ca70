import socket
import threading

import pytest

from devstack import ports
from devstack.demo import buyers, free_layout
from devstack.demo.buyers import Buyers, Lookup, Record
from devstack.demo.failovers import Failover
from devstack.shop_client import Answer, CallFailed, Request


def failover(*records: Record, whole_s: float | None = 9.0) -> Failover:
    return Failover(killed="redis-1", successor="redis-2", successor_s=1.5, whole_s=whole_s, records=records)


def purchase(seconds: float, status: int = 201) -> Record:
    return Record(is_purchase=True, began=0.0, ended=seconds, status=status)


def test_a_failover_is_one_line_with_what_it_cost():
    read = Record(is_purchase=False, began=0.0, ended=9.0, status=200)
    assert failover(purchase(0.1), purchase(2.25), purchase(0.2, status=503), read).describe() == (
        "redis-1 killed: redis-2 is primary after 1.5 s, all three serve after 9.0 s; 3 purchases, the slowest 2.2 s; "
        "1 of 4 requests failed"
    )


def test_a_product_that_is_sold_out_is_no_failed_request():
    assert failover(purchase(0.1, status=409)).failed == 0


def test_a_request_without_an_answer_has_failed():
    assert failover(purchase(0.1, status=buyers.NO_ANSWER)).failed == 1


def test_a_store_that_does_not_become_whole_is_said_to_be_so():
    assert "not whole after 90 s" in failover(whole_s=None).describe()


class Shop:
    """A shop with one product, which is sold until `lost` purchases less are there than were confirmed."""

    def __init__(self, *, refused: str = "", lost: int = 0, paid: str = "paid") -> None:
        self.refused, self.lost, self.paid = refused, lost, paid
        self.bought: list[str] = []
        self.paths: set[str] = set()

    def call(self, layout, request: Request) -> Answer:
        self.paths.add(request.path)
        if request.path.startswith("/products/?"):
            return Answer(status=200, document={"results": [{"id": "7", "currency": "USD"}]})
        if request.path == "/auth/token/":
            return Answer(status=200, document={"token": "evg_1"})
        if request.path.startswith("/purchases/?"):
            there = self.bought[self.lost :]
            return Answer(
                status=200, document={"next": None, "results": [{"id": id, "status": self.paid} for id in there]}
            )
        if self.refused and request.path.endswith(self.refused):
            raise CallFailed("no answer")
        return Answer(status=201 if request.method == "POST" else 200, document={"id": self._id(request)})

    def _id(self, request: Request) -> str:
        if request.path == "/purchases/":
            self.bought.append(f"p{len(self.bought)}")
            return self.bought[-1]
        return "9"


def bought_until(layout, monkeypatch, shop: Shop, path: str) -> Buyers:
    """Buyers of this shop, stopped once one has requested this path twice."""
    asked = threading.Semaphore(0)

    def call(layout, request):
        if request.path.endswith(path):
            asked.release()
        return shop.call(layout, request)

    monkeypatch.setattr(buyers, "call", call)
    monkeypatch.setattr(buyers, "PAUSE_S", 0.001)
    load = Buyers(layout)
    load.start(1)
    assert asked.acquire(timeout=5) and asked.acquire(timeout=5)
    load.stop()
    return load


def test_a_buyer_holds_a_cart_buys_it_and_pays(layout, monkeypatch):
    shop = Shop()
    load = bought_until(layout, monkeypatch, shop, "/payments/")
    assert {"/carts/", "/carts/9/lines/7/", "/carts/9/hold/", "/purchases/", "/purchases/p0/payments/"} <= shop.paths
    assert not any(record.is_failed for record in load.since(0.0))
    assert load.look_up().describe().startswith("Looked up: all ")


def test_buyers_record_every_request_and_pay_nothing_that_was_not_confirmed(layout, monkeypatch):
    shop = Shop(refused="/purchases/")
    load = bought_until(layout, monkeypatch, shop, "/purchases/")
    statuses = {(record.is_purchase, record.status) for record in load.since(0.0)}
    assert statuses == {(False, 200), (False, 201), (True, buyers.NO_ANSWER)}
    assert load.look_up() == Lookup(bought=0, paid=0, lost=0, unpaid=0)


@pytest.mark.parametrize(
    ("shop", "is_lost", "is_unpaid"), [(Shop(lost=1), True, True), (Shop(paid="placed"), False, True)]
)
def test_a_purchase_or_a_payment_that_is_not_there_any_more_is_said_to_be_lost(
    layout, monkeypatch, shop, is_lost, is_unpaid
):
    found = bought_until(layout, monkeypatch, shop, "/payments/").look_up()
    assert (found.lost > 0, found.unpaid > 0) == (is_lost, is_unpaid)
    assert "LOST" in found.describe()


@pytest.fixture
def environ(tmp_path):
    return {"EVERGREEN_RUN": str(tmp_path)}


def test_a_demonstration_runs_beside_a_stack_that_has_the_usual_addresses(environ, monkeypatch):
    monkeypatch.setattr(
        ports, "is_in_use", lambda host, port: (host, port) in {("127.20.0.11", 6379), (ports.HOST, 8080)}
    )
    chosen = free_layout.find(environ).settings
    assert (chosen.network, chosen.port) == ("127.20.1", 8081)


def test_addresses_that_are_named_are_used_as_they_are(environ):
    with socket.create_server((ports.HOST, 0)) as listener:
        port = listener.getsockname()[1]
        chosen = free_layout.find({**environ, "EVERGREEN_PORT": str(port), "EVERGREEN_NETWORK": "127.24.9"}).settings
    assert (chosen.network, chosen.port) == ("127.24.9", port)


def test_a_demonstration_has_a_directory_of_its_own():
    assert free_layout.find({}).run.name == ".run-demo"
