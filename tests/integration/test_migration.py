"""A store that an earlier version has filled, and what this version makes of it."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import orjson
import pytest
from django.conf import settings
from django.test import Client

from devstack import lifecycle
from devstack.temporary import RunningStack, running
from exactly_once import Migration, Migrator, Schema, Step, WriteRequest, migrations
from exactly_once.errors import SchemaOutdated, SchemaTooNew
from operations.bootstrap import auditor
from shop import bootstrap
from shop.bootstrap import Configuration, Container
from shop.repositories.migrations import MIGRATIONS, VERSION, shop_schema
from shop.services.erasures import erasures_pursue
from tests.integration import schema_1
from tests.integration.schema_1 import RECORDED, STORE
from tests.samples import a_product, a_user
from tests.stack_fixtures import wait_until

ROOT = Path(__file__).resolve().parents[2]
FORMER_ENDS = ("_ranks", "_zones", ":requests")


@pytest.fixture(scope="module")
def data_tier() -> Iterator[RunningStack]:
    """Nodes and Sentinels that only these tests fill and empty."""
    with running("127.31", lifecycle.DATA_ONLY, stores="*") as started:
        started.wait_until_whole()
        yield started


def opened(stack: RunningStack, store: str = STORE, user: str = "api") -> Container:
    layout = stack.layout
    return Container(
        Configuration(
            store=store,
            master_name=layout.settings.primary_name,
            sentinels=[tuple(address) for address in layout.sentinels.values()],
            credentials=layout.secrets.credentials(user),
            secret_key=schema_1.SECRET_KEY,
        )
    )


def register(container: Container) -> None:
    """Write something, under an idempotency key that no recorded request has."""
    container.shop.users.register(WriteRequest.unique(timeout_s=20), a_user(container.shop), "a hash")


def node_of(container: Container):
    primary = container.cluster.topology.refresh().primary
    return container.cluster.nodes[primary]


@contextmanager
def of_schema_1(stack: RunningStack) -> Iterator[Container]:
    stack.wait_until_whole()
    with closing(opened(stack)) as container:
        schema_1.load(node_of(container).address)
        yield container


@pytest.fixture
def container(data_tier) -> Iterator[Container]:
    """A shop in whose store everything is as schema 1 has it."""
    with of_schema_1(data_tier) as made:
        yield made


#: What looks at it comes first in this module: the others load the store anew.
@pytest.fixture(scope="module")
def migrated(data_tier) -> Iterator[Container]:
    with of_schema_1(data_tier) as made:
        assert made.migrator.migrate(30) == 1
        yield made


def names(container: Container) -> list[str]:
    found, cursor = [], "0"
    while True:
        cursor, page = node_of(container).run(("SCAN", cursor, "MATCH", container.keys.pattern), timeout=1)[0]
        found += page
        if cursor == "0":
            return sorted(set(found))


def contents(container: Container) -> dict[str, object]:
    """Every key with its value, and of those that expire that they do; the instants at which they do depend on when
    the store was loaded."""
    reading = {"string": "STRLEN", "hash": "HGETALL", "set": "SMEMBERS", "zset": "ZRANGE"}
    node = node_of(container)
    found: dict[str, object] = {}
    for name in names(container):
        kind, expiry = node.run(("TYPE", name), ("PTTL", name), timeout=1)
        scores = () if ":outcomes:" in name else ("WITHSCORES",)
        further = (0, -1, *scores) if kind == "zset" else ()
        value = node.run((reading[kind], name, *further), timeout=1)[0]
        found[name] = (kind, expiry > 0, sorted(map(str, value)) if isinstance(value, list) else value)
    return found


@pytest.fixture
def send(migrated, monkeypatch):
    """Sends a request to the API, whose store is the migrated one."""
    monkeypatch.setattr(settings, "SECRET_KEY", schema_1.SECRET_KEY)
    monkeypatch.setattr(bootstrap, "container", lambda: migrated)
    monkeypatch.setattr(bootstrap, "is_cut_off", lambda: False)

    def sent(method: str, path: str, content: str = "", token: str = "", key: str = ""):
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        return Client().generic(method, f"/api/v1{path}", content, "application/json", headers=headers)

    return sent


@pytest.mark.parametrize("path", RECORDED["reads"])
def test_every_page_is_as_it_was_before(send, path):
    answer = send("GET", path, token=RECORDED["tokens"]["staff"])
    assert (answer.status_code, orjson.loads(answer.content)) == (200, RECORDED["reads"][path])


def test_tokens_stand_for_their_users_and_revoked_ones_for_none(send):
    tokens = {**RECORDED["tokens"]}
    statuses = {name: send("GET", "/users/me/", token=token).status_code for name, token in tokens.items()}
    assert statuses == {"staff": 200, "ada": 200, "celik": 200, "dora": 401, "Bob": 200}
    assert [send("GET", "/users/me/", token=token).status_code for token in RECORDED["revoked"]] == [401, 401]


def still_allowed(replay: dict) -> bool:
    return replay["token"] not in RECORDED["revoked"]


def outcome(answer: dict) -> dict:
    """An answer without the sentences of a problem and the id of the request, which may be others now."""
    return {name: value for name, value in answer.items() if name not in {"title", "detail", "instance"}}


@pytest.mark.parametrize("replay", [r for r in RECORDED["replays"] if still_allowed(r)], ids=lambda r: r["key"])
def test_a_repeat_of_a_request_gets_the_outcome_that_schema_1_recorded(send, replay):
    answer = send(replay["method"], replay["path"], replay["content"], replay["token"], replay["key"])
    if replay["key"] == "register-dora":  # she was erased since
        assert answer.status_code == 404
    else:
        found = orjson.loads(answer.content)
        assert (answer.status_code, outcome(found)) == (replay["status"], outcome(replay["answer"]))
        assert answer.headers["Idempotent-Replayed"] == "true"


def test_nothing_is_wrong_in_a_migrated_store(data_tier, migrated):
    with closing(opened(data_tier, user="operator")) as container:
        audit = auditor(container).audit(lambda what: None)
    assert audit.violations == []
    assert audit.counts == {"users": 4, "products": 12, "purchases": 7}


def test_no_former_name_is_left_and_the_revision_goes_on(migrated):
    former = [name for name in names(migrated) if name.endswith(FORMER_ENDS) or "_zones:" in name]
    stored = next(value for name, _, _, value in RECORDED["keys"] if name.endswith(":fence"))
    node = node_of(migrated)
    assert former == []
    assert migrated.store.revision().number >= int(stored)
    assert node.run(("GET", migrated.keys.schema), timeout=1) == [str(VERSION)]


def test_an_outcome_is_listed_until_it_expires(migrated):
    node = node_of(migrated)
    for name in [name for name in names(migrated) if ":outcomes:" in name]:
        flat = node.run(("ZRANGE", name, 0, -1, "WITHSCORES"), timeout=1)[0]
        listed = dict(zip(flat[::2], map(int, flat[1::2]), strict=True))
        expiries = node.run(*(("EXPIRETIME", record) for record in [*listed, name]), timeout=1)
        assert listed and [*listed.values(), max(listed.values())] == expiries


def test_a_user_who_is_erased_after_the_migration_takes_every_outcome_along(container):
    container.migrator.migrate(30)
    users = [value for _, kind, _, value in RECORDED["keys"] if kind == "hash" and "email_key" in value]
    ada = next(dict(zip(user[::2], user[1::2], strict=True)) for user in users if "ada@example.com" in user)["id"]
    container.shop.users.delete(WriteRequest.unique(timeout_s=20), ada, None)
    assert erasures_pursue(shop=container.shop, pause=lambda _: None) == 0
    node = node_of(container)
    records = [name for name in names(container) if ":request:" in name]
    assert [name for name in records if ada in node.run(("GET", name), timeout=1)[0]] == []


def test_an_instance_of_schema_1_can_write_no_more(container):
    container.migrator.migrate(30)
    former = f"{container.keys.key('')}fence"
    reply = node_of(container).run(("TYPE", former), ("PTTL", former), timeout=1)
    with pytest.raises(Exception, match="WRONGTYPE"):
        node_of(container).run(("INCR", former), timeout=1)
    assert reply == ["hash", -1]


def test_before_the_migration_nothing_is_read_and_nothing_written(container):
    before = contents(container)
    with pytest.raises(SchemaOutdated, match="migrate_store"):
        container.shop.users.get("nobody")
    with pytest.raises(SchemaOutdated, match="migrate_store"):
        container.shop.products.create(WriteRequest.unique(timeout_s=20), a_product(container.shop))
    assert contents(container) == before


def test_a_store_of_a_later_version_is_refused_and_left_alone(container):
    node_of(container).run(("SET", container.keys.schema, str(VERSION + 1)), timeout=1)
    before = contents(container)
    with pytest.raises(SchemaTooNew, match="start the version that has migrated the store, or a later one"):
        container.migrator.migrate(5)
    with pytest.raises(SchemaTooNew):
        register(container)
    assert contents(container) == before


def test_a_running_process_stops_writing_once_a_later_version_has_claimed_the_store(container):
    container.migrator.migrate(30)
    node = node_of(container)
    register(container)
    node.run(("SET", container.keys.schema, f"{VERSION}>{VERSION + 1}"), timeout=1)
    try:
        revision = node.run(("GET", container.keys.revision), timeout=1)
        with pytest.raises(SchemaTooNew):
            register(container)
        assert node.run(("GET", container.keys.revision), timeout=1) == revision
        with pytest.raises(SchemaTooNew):
            container.store.read(("PING",))
    finally:
        node.run(("SET", container.keys.schema, str(VERSION)), timeout=1)
    assert container.store.read(("PING",)) == "PONG"


def test_an_empty_store_gets_the_present_schema_with_its_first_write(data_tier):
    with closing(opened(data_tier, "new")) as container:
        assert container.migrator.migrate(5) is None
        assert container.store.read(("PING",)) == "PONG"
        register(container)
        assert node_of(container).run(("GET", container.keys.schema), timeout=1) == [str(VERSION)]
        assert container.migrator.migrate(5) == VERSION


def dying(container: Container, dies_at: int, *, is_executed: bool) -> bool:
    """Whether a migrator that dies at this command died: one that had fewer commands to send finishes."""
    primary = container.cluster.topology.refresh().primary
    node, sent = container.cluster.nodes[primary], 0

    class Died(BaseException):
        pass

    def send(command):
        nonlocal sent
        sent += 1
        if sent == dies_at and not is_executed:
            raise Died
        reply = node.run(command, ("WAIT", 2, 1000), timeout=5)[:1]
        if sent == dies_at:
            raise Died
        return reply

    attempt = migrations._Attempt(send, container.keys, shop_schema(container.keys), f"token {dies_at}", print)
    try:
        attempt.run()
    except Died:
        return True
    return False


@pytest.mark.parametrize("is_executed", [False, True])
def test_a_migration_that_is_killed_anywhere_is_finished_by_the_next_process(container, is_executed):
    container.migrator.migrate(30)
    right = contents(container)
    dies_at, has_died = 1, True
    while has_died:
        schema_1.load(node_of(container).address)
        has_died = dying(container, dies_at, is_executed=is_executed)
        node_of(container).run(("DEL", container.keys.migration), timeout=1)
        container.migrator.migrate(30)
        assert contents(container) == right
        dies_at += 1
    assert dies_at > 6


def test_a_batch_that_a_failover_lost_is_done_again(container):
    container.migrator.migrate(30)
    right = contents(container)
    schema_1.load(node_of(container).address)
    node, lock = node_of(container), container.keys.migration
    sent = 0

    def send(command):
        nonlocal sent
        sent += 1
        if sent == 3:
            # The new primary has the lock, and not the batch before.
            node.run(("HINCRBY", lock, "batches", -1), timeout=1)
        return node.run(command, timeout=5)

    with pytest.raises(migrations._Unfinished, match="failover"):
        migrations._Attempt(send, container.keys, shop_schema(container.keys), "token", print).run()
    node.run(("DEL", lock), timeout=1)
    container.migrator.migrate(30)
    assert contents(container) == right


def test_a_primary_that_goes_away_in_the_middle_delays_a_migration(data_tier, container):
    data_tier.wait_until_whole()
    primary = data_tier.primary
    killed = threading.Event()

    def kill_once(text: str) -> None:
        if not killed.is_set():
            killed.set()
            data_tier.kill(primary)

    migrator = Migrator(container.cluster, container.keys, shop_schema(container.keys))
    assert migrator.migrate(60, kill_once) == 1
    data_tier.wait_until_whole()
    assert data_tier.primary != primary
    with closing(opened(data_tier, user="operator")) as other:
        assert auditor(other).audit(lambda what: None).violations == []


def test_one_process_at_a_time_migrates_a_store(container):
    slow = Schema(
        migrations=(
            *MIGRATIONS,
            Migration(version=VERSION + 1, steps=[Step(name="-", body="return {'LOST'}", args={})]),
        ),
        unversioned_keys=shop_schema(container.keys).unversioned_keys,
    )
    with pytest.raises(Exception, match="not migrated in time"):
        Migrator(container.cluster, container.keys, slow).migrate(2)
    with pytest.raises(SchemaOutdated, match="Another process"):
        Migrator(container.cluster, container.keys, slow).migrate(1)


def test_many_processes_that_start_at_once_migrate_it_once(data_tier, container):
    environment = {**os.environ, **data_tier.environment, "SECRET_KEY": schema_1.SECRET_KEY, "EVERGREEN_STORE": STORE}
    command = [sys.executable, "manage.py", "migrate_store", "--timeout", "60"]
    started = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    said = sorted(process.communicate()[0].decode() for process in started)
    already = f"The store has schema {VERSION} already.\n"
    assert said == [f"Migrated the store from schema 1 to {VERSION}.\n", already, already]


def test_the_larger_of_both_counters_is_how_far_a_node_is(data_tier, container):
    former = int(next(value for name, _, _, value in RECORDED["keys"] if name.endswith(":fence")))
    wait_until(lambda: {node.revision.number for node in data_tier.nodes.values()} == {former})
    container.migrator.migrate(30)
    wait_until(lambda: {node.revision.number for node in data_tier.nodes.values()} == {former + 1})
    register(container)
    wait_until(lambda: {node.revision.number for node in data_tier.nodes.values()} == {former + 2})
