"""Two versions of the API side by side on one store, as while instances are replaced one after the other. The later one
has one more field in every record: tests/planted/one_more_field.py."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from chaos import stage
from devstack import lifecycle, render
from devstack.temporary import RunningStack, running
from operations.bootstrap import auditor
from shop.bootstrap import Configuration, Container
from shop.domain.callers import Role
from tests.stack_fixtures import instance_client, wait_until

TIMEOUT_S = 30.0
EARLIER, LATEST = "api-1", "api-2"
#: The grades of a record that lacks the field, and of one that the later version made.
DEFAULT, LATER = "standard", "later"
PURCHASES_OF_A_BUYER = 12


@dataclass(frozen=True, kw_only=True)
class Side:
    """One instance, called directly by one user."""

    socket: Path
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: object = None, key: str = "") -> dict:
        headers = {**self.headers, "Host": "localhost", **({"Idempotency-Key": key} if key else {})}
        with instance_client(self.socket, timeout=TIMEOUT_S) as client:
            answer = client.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code < 400, answer.text
        return {**(answer.json() if answer.content else {}), "replayed": "Idempotent-Replayed" in answer.headers}

    def is_ready(self) -> bool:
        try:
            with instance_client(self.socket) as client:
                return client.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Both versions, for the same user."""

    earlier: Side
    later: Side

    def __iter__(self) -> Iterator[Side]:
        return iter((self.earlier, self.later))


@pytest.fixture(scope="module")
def rolling() -> Iterator[RunningStack]:
    """A topology whose second instance is of a later version."""
    command = render._api

    def by_name(layout, servers, name):
        words = command(layout, servers, name)
        return [*words[:-1], "tests.planted.one_more_field"] if name == LATEST else words

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render, "_api", by_name)
        with running("127.32", lifecycle.EVERYTHING) as started:
            started.wait_until_serving()
            for name in (EARLIER, LATEST):
                wait_until(Side(socket=started.layout.socket(name)).is_ready)
            yield started


@pytest.fixture(scope="module")
def container(rolling) -> Iterator[Container]:
    layout = rolling.layout
    configuration = Configuration(
        store=layout.settings.store,
        master_name=layout.settings.primary_name,
        sentinels=[tuple(address) for address in layout.sentinels.values()],
        credentials=layout.operator,
        secret_key=rolling.environment["SECRET_KEY"],
    )
    with closing(Container(configuration)) as made:
        yield made


@pytest.fixture(scope="module")
def sides(rolling, container):
    """Both instances for a new user of this role."""

    def of(role: Role = Role.CUSTOMER) -> Sides:
        headers = {"Authorization": f"Bearer {stage.create_person(container.shop, role).token}"}
        earlier, later = (Side(socket=rolling.layout.socket(name), headers=headers) for name in (EARLIER, LATEST))
        return Sides(earlier=earlier, later=later)

    return of


@pytest.fixture(scope="module")
def staff(sides) -> Sides:
    return sides(Role.STAFF)


def product_body(stock: int = 10) -> dict:
    return {"sku": uuid.uuid4().hex, "name": "Green tea", "price": "4.20", "currency": "EUR", "stock": stock}


def user_body() -> dict:
    email = f"{uuid.uuid4().hex}@example.com"
    return {"email": email, "password": "correct horse battery", "first_name": "Ada", "last_name": "Byron"}


def test_each_version_reads_the_products_of_the_other(staff):
    of_earlier = staff.earlier.send("POST", "/products/", product_body())
    of_later = staff.later.send("POST", "/products/", product_body())
    assert staff.later.send("GET", f"/products/{of_earlier['id']}/")["grade"] == DEFAULT
    read = staff.earlier.send("GET", f"/products/{of_later['id']}/")
    assert read == {name: value for name, value in of_later.items() if name != "grade"}
    for side in staff:
        listed = [each["id"] for each in side.send("GET", "/products/?page_size=100")["results"]]
        assert {of_earlier["id"], of_later["id"]} <= set(listed)
    listed = staff.later.send("GET", "/products/?page_size=100")["results"]
    grades = {each["id"]: each["grade"] for each in listed}
    assert (grades[of_earlier["id"]], grades[of_later["id"]]) == (DEFAULT, LATER)


def test_an_update_by_the_earlier_version_leaves_the_field_that_it_does_not_know(staff):
    product = staff.later.send("POST", "/products/", product_body())
    path = f"/products/{product['id']}/"
    staff.earlier.send("PATCH", path, {"name": "Black tea"})
    staff.earlier.send("POST", f"{path}stock/", {"delta": 5, "reason": "A delivery."})
    read = staff.later.send("GET", path)
    assert (read["name"], read["stock"], read["version"], read["grade"]) == ("Black tea", 15, 2, LATER)


def test_an_update_by_the_later_version_gives_a_record_of_the_earlier_one_the_default(staff, container):
    product = staff.earlier.send("POST", "/products/", product_body())
    key = container.keys.product(product["id"])
    assert container.store.read(("HGET", key, "grade")) is None
    staff.later.send("PATCH", f"/products/{product['id']}/", {"name": "White tea"})
    assert container.store.read(("HGET", key, "grade")) == DEFAULT
    assert staff.earlier.send("GET", f"/products/{product['id']}/")["name"] == "White tea"


def test_users_of_both_versions_are_read_and_updated_by_both(staff):
    made = [side.send("POST", "/users/", user_body()) for side in staff]
    for user, grade in zip(made, (DEFAULT, LATER), strict=True):
        path = f"/users/{user['id']}/"
        for side, name in zip(staff, ("Grace", "Mary"), strict=True):
            side.send("PATCH", path, {"first_name": name})
        assert staff.earlier.send("GET", path)["first_name"] == "Mary"
        read = staff.later.send("GET", path)
        assert (read["first_name"], read["version"], read["grade"]) == ("Mary", 3, grade)


def test_purchases_of_both_versions_are_moved_on_by_both(staff, sides):
    buyer = sides()
    product = staff.earlier.send("POST", "/products/", product_body(stock=100))["id"]
    body = {"items": [{"product": product, "quantity": 2}]}
    for side, grade in zip(buyer, (DEFAULT, LATER), strict=True):
        purchase = side.send("POST", "/purchases/", body)["id"]
        staff.earlier.send("POST", f"/purchases/{purchase}/pay/", {})
        staff.later.send("POST", f"/purchases/{purchase}/ship/", {})
        assert buyer.earlier.send("GET", f"/purchases/{purchase}/")["status"] == "shipped"
        read = buyer.later.send("GET", f"/purchases/{purchase}/")
        assert (read["status"], read["version"], read["grade"]) == ("shipped", 3, grade)


def test_a_repeat_at_the_other_version_gets_the_recorded_outcome(staff, sides):
    buyer = sides()
    product = staff.later.send("POST", "/products/", product_body())["id"]
    body = {"items": [{"product": product, "quantity": 1}]}
    for first, second in ((buyer.earlier, buyer.later), (buyer.later, buyer.earlier)):
        key = uuid.uuid4().hex
        made, repeated = (side.send("POST", "/purchases/", body, key) for side in (first, second))
        assert (made["id"], made["replayed"], repeated["replayed"]) == (repeated["id"], False, True)
    assert staff.earlier.send("GET", f"/products/{product}/")["stock"] == 8


def test_nothing_is_lost_where_both_write_at_once(staff, sides, container):
    product = staff.later.send("POST", "/products/", product_body(stock=1000))["id"]
    buyers, gate = [sides() for _ in range(2)], threading.Barrier(5)

    def buy(buyer: Side) -> list[str]:
        gate.wait()
        body = {"items": [{"product": product, "quantity": 1}]}
        return [buyer.send("POST", "/purchases/", body)["id"] for _ in range(PURCHASES_OF_A_BUYER)]

    def edit() -> list[str]:
        gate.wait()
        for number in range(PURCHASES_OF_A_BUYER):
            for side in staff:
                side.send("PATCH", f"/products/{product}/", {"description": f"Edit {number}"})
        return []

    with ThreadPoolExecutor(5) as threads:
        running_calls = [threads.submit(buy, side) for buyer in buyers for side in buyer] + [threads.submit(edit)]
        bought = [purchase for call in running_calls for purchase in call.result()]
    assert len(set(bought)) == 4 * PURCHASES_OF_A_BUYER
    read = staff.later.send("GET", f"/products/{product}/")
    edits = 2 * PURCHASES_OF_A_BUYER
    assert (read["stock"], read["version"], read["grade"]) == (1000 - len(bought), 1 + edits, LATER)
    for side in staff:
        assert {side.send("GET", f"/purchases/{purchase}/")["status"] for purchase in bought} == {"placed"}
    assert auditor(container).audit(lambda what: None).violations == []
