"""Instances of this version that start on a store of another schema, and serve it through nginx."""

from collections.abc import Iterator

import httpx
import pytest

from devstack import lifecycle
from devstack.layout import INSTANCES, WORKERS
from devstack.temporary import RunningStack, running
from shop.repositories.keys import Keys
from shop.repositories.migrations import VERSION
from tests.integration import schema_1
from tests.integration.schema_1 import RECORDED, STORE
from tests.stack_fixtures import instance_client, primary_of, wait_until
from tests.store_access import operator_node

TIMEOUT_S = 20.0


@pytest.fixture(scope="module")
def serving() -> Iterator[RunningStack]:
    with running("127.35", lifecycle.EVERYTHING) as started:
        started.wait_until_serving()
        yield started


@pytest.fixture
def on_primary(serving):
    """Runs commands on the primary."""

    def run(*commands: tuple) -> list:
        node = operator_node(serving.layout.redis[primary_of(serving)])
        try:
            return node.run(*commands, ("WAIT", 2, 5000), timeout=6)[:-1]
        finally:
            node.close()

    return run


def ready(stack: RunningStack, name: str) -> httpx.Response | None:
    try:
        with instance_client(stack.layout.socket(name), timeout=TIMEOUT_S) as client:
            return client.get("/readyz")
    except httpx.HTTPError:
        return None


def read(stack: RunningStack, path: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {RECORDED['tokens']['staff']}"}
    return httpx.get(f"{stack.base_url}/api/v1{path}", headers=headers, timeout=TIMEOUT_S, verify=False)


def test_an_instance_that_starts_migrates_the_store_and_serves_it(serving, on_primary):
    serving.stop(*INSTANCES, *WORKERS)
    schema_1.load(serving.layout.redis[primary_of(serving)])
    serving.start(*INSTANCES, *WORKERS)
    serving.wait_until_serving()
    assert {path: read(serving, path).json() for path in RECORDED["reads"]} == RECORDED["reads"]
    assert on_primary(("GET", Keys(STORE).schema)) == [str(VERSION)]
    logs = "".join(serving.log(name) for name in INSTANCES)
    assert logs.count('"former_schema":1') == 1


def test_an_instance_on_a_store_of_a_later_schema_says_what_to_do_and_serves_once_it_is_gone(serving, on_primary):
    schema, former = Keys(STORE).schema, str(VERSION)
    serving.stop(*INSTANCES)
    on_primary(("SET", schema, str(VERSION + 1)))
    serving.start(*INSTANCES)
    for name in INSTANCES:
        wait_until(lambda name=name: ready(serving, name) is not None)
        answer = ready(serving, name)
        assert answer.status_code == 503
        assert f"schema {VERSION + 1}" in answer.text and "start the version that has migrated the store" in answer.text
        wait_until(lambda name=name: "start the version that has migrated the store" in serving.log(name))
    answer = read(serving, "/users/")
    assert (answer.status_code, answer.json()["code"], "Retry-After" in answer.headers) == (
        503,
        "store-unavailable",
        True,
    )
    on_primary(("SET", schema, former))
    serving.wait_until_serving()
    assert read(serving, "/users/").json() == RECORDED["reads"]["/users/"]
