"""The catalogue through nginx's cache, with real instances and a real store."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import httpx
import pytest

from devstack import lifecycle
from devstack.temporary import RunningStack, running
from exactly_once.client import Node
from shop.domain.callers import Role
from tests.integration.test_nginx_cache import BROWSER, in_one_slot
from tests.system.shopping import Shopper, assembled, signed_in

STOCK = 10_000
#: The cache and the replicas together.
MAX_LATE_S = 1.0
LOAD_S = 3.0
BUYERS = 2


@pytest.fixture(scope="module")
def cached() -> Iterator[RunningStack]:
    with running("127.46", lifecycle.EVERYTHING, catalogue_cache_s=1) as started:
        started.wait_until_serving()
        yield started


@pytest.fixture(scope="module")
def people(cached: RunningStack) -> dict[str, Shopper]:
    container, api = assembled(cached), f"{cached.base_url}/api/v1"
    made = {role.value: Shopper(api=api, headers=signed_in(container.shop, role)) for role in (Role.STAFF,)}
    made |= {f"buyer-{number}": Shopper(api=api, headers=signed_in(container.shop)) for number in range(BUYERS)}
    container.close()
    return {**made, "visitor": Shopper(api=api)}


@pytest.fixture
def product(people: dict[str, Shopper]) -> str:
    return people["staff"].new_product(STOCK)


@dataclass(frozen=True)
class Read:
    began_at: float
    stock: int
    etag: str
    x_cache: str


@dataclass
class Watched:
    """Purchases by when they were acknowledged, and what a visitor and a buyer read meanwhile."""

    acknowledged: list[float] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    own_reads: list[tuple[int, Read]] = field(default_factory=list)

    def sold(self, before: float) -> int:
        return sum(at <= before for at in self.acknowledged)


def read(client: httpx.Client, path: str) -> Read:
    began_at = time.monotonic()
    answer = client.get(path)
    return Read(began_at, answer.json()["stock"], answer.headers["ETag"], answer.headers["X-Cache"])


def watch(people: dict[str, Shopper], product: str) -> Watched:
    """Buyers who buy one unit after the other, each reading the stock after each purchase; and a visitor who reads."""
    watched, until = Watched(), time.monotonic() + LOAD_S
    path = f"{people['visitor'].api}/products/{product}/"

    def buy(buyer: Shopper) -> None:
        bought = 0
        with httpx.Client(headers=buyer.headers, timeout=30) as client:
            while time.monotonic() < until:
                answer = client.post(f"{buyer.api}/purchases/", json={"items": [{"product": product, "quantity": 1}]})
                assert answer.status_code == 201
                watched.acknowledged.append(time.monotonic())
                bought += 1
                watched.own_reads.append((bought, read(client, path)))

    buyers = [threading.Thread(target=buy, args=(people[f"buyer-{number}"],)) for number in range(BUYERS)]
    for thread in buyers:
        thread.start()
    with httpx.Client(timeout=30) as client:
        while time.monotonic() < until:
            watched.reads.append(read(client, path))
    for thread in buyers:
        thread.join()
    return watched


@pytest.fixture(scope="module")
def watched(people: dict[str, Shopper]) -> Watched:
    return watch(people, people["staff"].new_product(STOCK))


def test_a_hot_product_under_purchases_shows_its_stock_at_most_a_second_late(watched):
    late = [each for each in watched.reads if STOCK - each.stock < watched.sold(before=each.began_at - MAX_LATE_S)]
    assert late == []
    assert len(watched.acknowledged) > 50
    assert watched.sold(before=watched.reads[-1].began_at - MAX_LATE_S) > 10


def test_most_reads_of_a_hot_product_are_hits_that_show_the_past(watched):
    """Or the test above would pass without a cache."""
    hits = [each for each in watched.reads if each.x_cache == "HIT"]
    assert len(hits) > len(watched.reads) / 2
    assert any(STOCK - each.stock < watched.sold(before=each.began_at) for each in hits)


def test_an_entity_tag_belongs_to_the_stock_that_it_comes_with(watched):
    assert {each.etag.rpartition(".")[0] for each in watched.reads} == {f'"1.{each.stock}' for each in watched.reads}


def test_who_is_signed_in_reads_past_the_cache(watched):
    assert {each.x_cache for _, each in watched.own_reads} == {"BYPASS"}


def test_a_purchase_is_checked_against_the_stock_and_not_against_the_cache(people):
    def scenario(__: str) -> tuple[list[int], int]:
        product = people["staff"].new_product(1)
        statuses, shown = [], 0
        for _ in range(2):
            shown = people["visitor"].stock(product)
            statuses.append(people["buyer-0"].buy(product).status_code)
        return statuses, shown

    # The visitor is still shown the unit that the first purchase took.
    assert in_one_slot(scenario) == ([201, 409], 1)


def test_html_and_json_of_one_page_are_never_mixed(people, product):
    def scenario(_: str) -> list[tuple[str, str, str]]:
        path = f"{people['visitor'].api}/products/{product}/"
        answers = [(accept, httpx.get(path, headers={"Accept": accept})) for accept in (BROWSER, "*/*") * 3]
        return [(accept, each.headers["Content-Type"], each.headers["X-Cache"]) for accept, each in answers]

    kinds = {(accept, kind.partition(";")[0], result) for accept, kind, result in in_one_slot(scenario)}
    assert kinds == {
        (BROWSER, "text/html", "BYPASS"),
        ("*/*", "application/json", "MISS"),
        ("*/*", "application/json", "HIT"),
    }


@pytest.mark.parametrize(
    "path", ["/products/", "/products/?search=tea&page_size=5", "/products/categories/", "/products/companies/"]
)
def test_every_page_of_the_catalogue_is_cached(people, product, path):
    def scenario(_: str) -> list[str]:
        return [people["visitor"].get(path).headers["X-Cache"] for _ in range(3)]

    assert in_one_slot(scenario)[1:] == ["HIT", "HIT"]


def test_a_client_that_has_the_present_answer_gets_304_from_the_cache(people, product):
    def scenario(_: str) -> list[tuple[int, str]]:
        path = f"{people['visitor'].api}/products/{product}/"
        with httpx.Client() as client:
            tag = {"If-None-Match": client.get(path).headers["ETag"]}
            answers = [client.get(path, headers=tag) for _ in range(2)]
        return [(each.status_code, each.headers["X-Cache"]) for each in answers]

    assert in_one_slot(scenario)[1] == (304, "HIT")


def test_the_document_and_the_public_status_are_shared_by_the_instances(cached):
    for path in ("/api/schema/", "/status/"):
        assert httpx.get(f"{cached.base_url}{path}", timeout=30).status_code == 200
    with closing(Node(cached.layout.redis[cached.primary], credentials=cached.layout.operator)) as node:
        names = ("schema-*", "status-record")
        found = [node.run(("KEYS", f"cache:{{evergreen}}:1:{name}"), timeout=1)[0] for name in names]
    assert [len(keys) for keys in found] == [1, 1]
