"""The engine alone, as an application of its own uses it: the example of its README, and what it promises."""

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from exactly_once import Cluster, Namespace, OutcomeUnknown, Refusal, Scripts, Store, WriteRequest
from exactly_once.errors import UndeclaredReply
from exactly_once.testing import FaultyNodes
from tests.architecture.sources import ROOT

README = ROOT / "exactly_once" / "README.md"
LUA = ROOT / "tests" / "example" / "lua"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


DECLARATION, USE = blocks("python")


@pytest.fixture(scope="module")
def example() -> dict:
    names: dict = {}
    exec(compile(DECLARATION, str(README), "exec"), names)
    return names


@pytest.fixture
def settings(redis_stack) -> dict:
    layout = redis_stack.layout
    sentinels = [(address.host, address.port) for address in layout.sentinels.values()]
    return {"sentinels": sentinels, "primary_name": layout.settings.primary_name, "credentials": layout.operator}


@pytest.fixture
def nodes(redis_stack) -> FaultyNodes:
    return FaultyNodes(redis_stack.layout.secrets.credentials("api"))


@pytest.fixture
def counters(example, settings, nodes):
    with closing(Cluster(**settings, nodes=nodes)) as cluster:
        yield example["Counters"](cluster, LUA)


@pytest.fixture
def name(request) -> str:
    return request.node.name


def test_the_readme_shows_the_script_that_is_tested():
    assert blocks("lua") == [(LUA / "counter_add.lua").read_text("utf-8")]


def test_the_example_runs_as_it_is_written(example, settings):
    code = re.sub(r"^cluster = .*$", "", USE, flags=re.MULTILINE)
    names = {**example, "cluster": Cluster(**settings), "folder": LUA}
    exec(compile(code, str(README), "exec"), names)
    assert names["first"].value == 2


def test_the_example_takes_forty_lines():
    lines = [line for line in DECLARATION.splitlines() if line]
    assert len(lines) <= 40


def test_an_increment_whose_replies_are_lost_takes_effect_once(counters, nodes, name):
    nodes.lose_replies(3)
    assert counters.add(WriteRequest.unique(timeout_s=10), name, 5).value == 5
    assert counters.value(name) == 5


def test_an_increment_whose_requests_are_lost_takes_effect_once(counters, nodes, name):
    nodes.lose_requests(3)
    assert counters.add(WriteRequest.unique(timeout_s=10), name, 5).value == 5
    assert counters.value(name) == 5


def test_an_outcome_that_cannot_be_made_certain_is_unknown_and_a_repeat_finds_it(counters, nodes, name):
    request = WriteRequest.unique(timeout_s=1)
    nodes.lose_replies(1_000_000)
    with pytest.raises(OutcomeUnknown):
        counters.add(request, name, 5)
    nodes.lose_replies(0)
    repeat = WriteRequest.unique(timeout_s=10)
    same = WriteRequest(
        id=repeat.id,
        idempotency_key=request.idempotency_key,
        fingerprint=request.fingerprint,
        ttl_s=request.ttl_s,
        deadline=repeat.deadline,
    )
    found = counters.add(same, name, 5)
    assert (found.value, found.is_replay_for(same.id)) == (5, True)
    assert counters.value(name) == 5


def test_a_refusal_is_an_outcome_that_a_repeat_gets_again(counters, name):
    request = WriteRequest.unique(timeout_s=10)
    for _ in range(2):
        with pytest.raises(Refusal, match="It is at 0") as refused:
            counters.add(request, name, -1)
        assert refused.value.origin_request_id == request.id


def test_of_many_repeats_at_once_one_takes_effect(counters, name):
    request = WriteRequest.unique(timeout_s=20)
    with ThreadPoolExecutor(16) as threads:
        values = list(threads.map(lambda _: counters.add(request, name, 1).value, range(64)))
    assert (values, counters.value(name)) == ([1] * 64, 1)


def test_stores_that_share_a_cluster_do_not_meet(counters, example, name):
    other = Store(counters.store.cluster, Namespace("others"), Scripts(LUA))
    counters.add(WriteRequest.unique(timeout_s=10), name, 3)
    keys = {"counter": other.namespace.key(f"counter:{name}")}
    call = example["ADD"].call(WriteRequest.unique(timeout_s=10), keys=keys, args={"amount": 4})
    assert (other.write(call).value, counters.value(name)) == (4, 3)


def test_a_reply_that_nobody_declared_is_an_error(counters, example, name, tmp_path):
    shutil.copytree(LUA, tmp_path / "lua")
    script = tmp_path / "lua" / "counter_add.lua"
    script.write_text(script.read_text("utf-8").replace("'ADDED'", "'ROUNDED'"), "utf-8")
    store = Store(counters.store.cluster, Namespace("misspelt"), Scripts(tmp_path / "lua"))
    call = example["ADD"].call(WriteRequest.unique(timeout_s=10), keys={"counter": "{misspelt}:c"}, args={"amount": 1})
    with pytest.raises(UndeclaredReply, match="ROUNDED"):
        store.write(call)


def test_the_engine_imports_neither_the_shop_nor_django_nor_http():
    code = "import sys, exactly_once, exactly_once.testing; print(sorted({m.split('.')[0] for m in sys.modules}))"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not {"shop", "django", "rest_framework", "evergreen", "prometheus_client"} & set(
        re.findall(r"'(\w+)'", imported)
    )
