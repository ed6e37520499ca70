"""Everything that can be made to go wrong on a real store is found, and nothing else is."""

import os
import signal
import socket
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from devstack import lifecycle
from devstack.temporary import RunningStack, running
from exactly_once.client import Address
from operations.backup.replication import copy_data
from operations.doctor import diagnoses
from operations.doctor.diagnosis import Diagnosis, Level
from operations.doctor.facts import Facts, collect_facts
from operations.doctor.stale_entries import StaleEntries, UnsafeToReset
from tests.stack_fixtures import primary_of, wait_until
from tests.store_access import run_once

ROOT = Path(__file__).resolve().parents[2]
GONE = Address("127.0.0.1", 9)


@pytest.fixture(scope="module")
def data_tier() -> Iterator[RunningStack]:
    """Nodes and Sentinels that only these tests put out of order."""
    with running("127.26", lifecycle.DATA_ONLY) as started:
        yield started


@pytest.fixture
def store(data_tier) -> RunningStack:
    data_tier.wait_until_whole()
    wait_until(lambda: found(data_tier) == {})
    return data_tier


def facts(store: RunningStack, replicas: int = 2, durability: str = "replicated") -> Facts:
    layout = store.layout
    sentinels = [Address(*address) for address in layout.sentinels.values()]
    return collect_facts(
        sentinels, layout.settings.primary_name, layout.revision_key, replicas, durability, layout.operator
    )


def lines(store: RunningStack, **expected) -> list[Diagnosis]:
    return [line for line in diagnoses(facts(store, **expected)) if line.level is not Level.OK]


def found(store: RunningStack, **expected) -> dict[str, Level]:
    """The checks that find something, each with the worst of it."""
    return worst(lines(store, **expected))


def worst(found: Sequence[Diagnosis]) -> dict[str, Level]:
    return {line.check: line.level for line in sorted(found, key=lambda line: list(Level).index(line.level))}


def ask(store: RunningStack, name: str, *words: str) -> Any:
    (answer,) = run_once({**store.layout.redis, **store.layout.sentinels}[name], words, timeout=5)
    return answer


def a_replica(store: RunningStack) -> str:
    return next(name for name in store.layout.redis if name != primary_of(store))


@contextmanager
def setting(store: RunningStack, name: str, what: str, value: str) -> Iterator[None]:
    before = ask(store, name, "CONFIG", "GET", what)[1]
    ask(store, name, "CONFIG", "SET", what, value)
    try:
        yield
    finally:
        ask(store, name, "CONFIG", "SET", what, before)


def test_a_whole_store_has_nothing_wrong(store):
    assert lines(store) == []
    assert {line.finding for line in diagnoses(facts(store))} >= {
        "Exactly one node is primary, and it is the one that the Sentinels name."
    }


def test_the_command_shows_a_line_for_each_and_exits_by_the_worst(store):
    status, out, _ = command(store, "doctor")
    assert (status, "0 problems, 0 warnings" in out) == (0, True)
    with ExitStack() as wrong:
        wrong.enter_context(setting(store, a_replica(store), "min-replicas-max-lag", "60"))
        status, out, _ = command(store, "doctor")
        assert (status, "0 problems, 1 warnings" in out) == (1, True)
        wrong.enter_context(setting(store, a_replica(store), "maxmemory-policy", "allkeys-lru"))
        status, out, _ = command(store, "doctor")
        assert (status, "1 problems, 1 warnings" in out) == (2, True)
        line = next(line for line in out.splitlines() if line.startswith("problem"))
        assert "memory" in line and "`CONFIG SET maxmemory-policy noeviction`" in line


SETTINGS = [
    ("appendonly", "no", "persistence", Level.PROBLEM),
    ("aof-load-truncated", "yes", "persistence", Level.WARNING),
    ("appendfsync", "no", "durability", Level.PROBLEM),
    ("maxmemory-policy", "allkeys-lru", "memory", Level.PROBLEM),
    ("min-replicas-to-write", "0", "safety", Level.PROBLEM),
    ("min-replicas-max-lag", "60", "safety", Level.WARNING),
    ("replica-read-only", "no", "safety", Level.PROBLEM),
    ("replica-priority", "0", "priority", Level.WARNING),
    ("replica-priority", "50", "priority", Level.PROBLEM),
]


@pytest.mark.parametrize(("what", "value", "check", "level"), SETTINGS)
def test_a_setting_that_breaks_a_promise_is_found_with_what_to_do(store, what, value, check, level):
    name = a_replica(store)
    with setting(store, name, what, value):
        (line,) = lines(store)
    assert (line.check, line.level) == (check, level)
    assert what in line.remedy or value in line.finding
    assert line.subject in (str(store.layout.redis[name]), "data nodes")


def test_a_durability_that_no_disk_keeps_up_with_is_found(store):
    assert found(store, durability="fsynced") == {"durability": Level.PROBLEM}


def test_a_node_near_its_memory_limit_is_found(store):
    name = a_replica(store)
    used = int(next(line for line in ask(store, name, "INFO", "memory").splitlines() if "used_memory:" in line)[12:])
    for part, level in ((0.87, Level.WARNING), (0.98, Level.PROBLEM)):
        with setting(store, name, "maxmemory", str(int(used / part))):
            assert found(store) == {"memory": level}


def test_a_node_that_runs_out_of_connections_is_found_and_one_that_has_none_left(store):
    name = a_replica(store)
    address = store.layout.redis[name]
    limit = 100
    with setting(store, name, "maxclients", str(limit)), ExitStack() as idle:
        used = int(next(line for line in ask(store, name, "INFO", "clients").splitlines() if "connected_" in line)[18:])
        for _ in range(int(limit * 0.9) - used):
            idle.enter_context(socket.create_connection(address))
        assert found(store) == {"clients": Level.WARNING}
        with ExitStack() as rest:
            for _ in range(limit):
                rest.enter_context(socket.create_connection(address))
            without = [line for line in lines(store) if line.subject == str(address)]
            assert {line.check for line in without} == {"nodes", "clients"}
            assert all("ss -tn" in line.remedy for line in without)


def test_doctor_reads_and_writes_and_the_write_changes_nothing_but_the_revision(store):
    key = store.layout.revision_key
    before, keys = int(ask(store, store.primary, "GET", key) or 0), ask(store, store.primary, "DBSIZE")
    status, out, _ = command(store, "doctor")
    assert status == 0
    assert "A write is acknowledged." in out
    assert int(ask(store, store.primary, "GET", key)) == before + 1
    assert ask(store, store.primary, "DBSIZE") - keys in (0, 2)


def test_a_write_that_no_node_takes_is_found_by_trying_it(store):
    primary = primary_of(store)
    with setting(store, primary, "min-replicas-to-write", "3"):
        status, out, _ = command(store, "doctor")
    assert status == 2
    assert "a write was tried and failed (StoreUnavailable)" in " ".join(out.split())


def test_a_snapshot_that_cannot_be_written_is_found(store):
    name = a_replica(store)
    in_the_way = store.layout.directory(name) / "dump.rdb"
    in_the_way.unlink(missing_ok=True)
    in_the_way.mkdir()
    try:
        ask(store, name, "BGSAVE")
        wait_until(lambda: "rdb_last_bgsave_status:err" in ask(store, name, "INFO", "persistence"))
        assert found(store) == {"persistence": Level.PROBLEM}
    finally:
        in_the_way.rmdir()
        ask(store, name, "BGSAVE")
        wait_until(lambda: "rdb_last_bgsave_status:ok" in ask(store, name, "INFO", "persistence"))


def test_a_replica_that_is_away_is_found(store):
    name = a_replica(store)
    store.stop(name)
    try:
        assert found(store) == {"nodes": Level.PROBLEM}
        assert str(store.layout.redis[name]) in [line.subject for line in lines(store)]
    finally:
        store.start(name)


def test_a_replica_without_its_primary_is_found(store):
    ask(store, a_replica(store), "REPLICAOF", "127.0.0.1", "9")
    assert found(store)["replication"] is Level.PROBLEM


def test_two_primaries_are_found(store):
    ask(store, a_replica(store), "REPLICAOF", "NO", "ONE")
    assert found(store)["primary"] is Level.PROBLEM


def test_a_replica_that_counts_writes_of_its_own_is_found(store):
    name, revision = a_replica(store), store.layout.revision_key
    with setting(store, name, "replica-read-only", "no"):
        ask(store, name, "SET", revision, "9")
        try:
            assert found(store)["revision"] is Level.PROBLEM
        finally:
            ask(store, name, "DEL", revision)


def test_one_sentinel_that_is_away_is_a_warning_and_two_are_a_problem(store):
    store.stop("sentinel-3")
    try:
        wait_until(lambda: found(store).get("sentinels") is Level.WARNING)
        store.stop("sentinel-2")
        wait_until(lambda: "quorum" in found(store))
        assert found(store)["sentinels"] is found(store)["quorum"] is Level.PROBLEM
    finally:
        store.start("sentinel-2", "sentinel-3")


def test_a_quorum_that_is_no_majority_is_found(store):
    name = store.layout.settings.primary_name
    ask(store, "sentinel-1", "SENTINEL", "SET", name, "quorum", "1")
    try:
        assert found(store) == {"quorum": Level.WARNING}
        assert f"`SENTINEL SET {name} quorum 2`" in lines(store)[0].remedy
    finally:
        ask(store, "sentinel-1", "SENTINEL", "SET", name, "quorum", "2")


def test_sentinels_that_disagree_are_found_and_one_that_knows_nobody(store):
    name, primary = store.layout.settings.primary_name, store.layout.redis[primary_of(store)]
    other = store.layout.redis[a_replica(store)]
    ask(store, "sentinel-1", "SENTINEL", "REMOVE", name)
    try:
        assert "knows no primary of this name" in [line.finding for line in lines(store)]
        ask(store, "sentinel-1", "SENTINEL", "MONITOR", name, other.host, str(other.port), "2")
        assert found(store)["agreement"] is Level.PROBLEM
        ask(store, "sentinel-1", "SENTINEL", "REMOVE", name)
    finally:
        ask(store, "sentinel-1", "SENTINEL", "MONITOR", name, primary.host, str(primary.port), "2")
        users = ("auth-user", "sentinel"), ("auth-pass", store.layout.secrets.password("sentinel"))
        limits = ("down-after-milliseconds", "1000"), ("failover-timeout", "3000"), ("parallel-syncs", "2")
        for what, value in (*users, *limits):
            ask(store, "sentinel-1", "SENTINEL", "SET", name, what, value)
        wait_until(lambda: found(store) == {})


def test_more_replicas_than_there_should_be_and_fewer_are_found(store):
    assert found(store, replicas=1) == {"replica-entries": Level.WARNING}
    assert found(store, replicas=3) == {"replica-entries": Level.PROBLEM}


def test_with_nobody_there_it_says_that_nothing_was_seen(store):
    nobody = collect_facts([Address("127.0.0.1", 9)], "evergreen", store.layout.revision_key, 2, "replicated", None)
    levels = worst(list(diagnoses(nobody)))
    assert levels["sentinels"] is levels["nodes"] is levels["primary"] is Level.PROBLEM
    assert levels["persistence"] is levels["quorum"] is Level.UNKNOWN
    assert Level.OK not in levels.values()


@contextmanager
def copied_under_a_wrong_name(store: RunningStack, folder: Path) -> Iterator[None]:
    """Somebody takes a copy from the primary, and says who they are."""
    primary = Address(*store.layout.redis[primary_of(store)])
    ask(store, store.primary, "SET", "large", b64encode(os.urandom(2**24)).decode())
    pipe = folder / "copy"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    copying = threading.Thread(
        target=copy_data,
        kwargs={"source": primary, "target": pipe, "known_as": GONE, "credentials": store.layout.operator},
        daemon=True,
    )
    copying.start()
    try:
        yield
    finally:
        os.set_blocking(reading, True)
        while os.read(reading, 2**20):
            pass
        copying.join()
        os.close(reading)
        ask(store, store.primary, "DEL", "large")


def with_a_stale_replica(store: RunningStack, folder: Path) -> None:
    with copied_under_a_wrong_name(store, folder):
        wait_until(lambda: all(GONE in known(store, name) for name in store.layout.sentinels))


def known(store: RunningStack, sentinel: str) -> set[Address]:
    """The replicas that this Sentinel knows."""
    records = ask(store, sentinel, "SENTINEL", "REPLICAS", store.layout.settings.primary_name)
    pairs = (dict(zip(record[::2], record[1::2], strict=True)) for record in records)
    return {Address(record["ip"], int(record["port"])) for record in pairs}


def with_a_stale_sentinel(store: RunningStack) -> None:
    name, primary = store.layout.settings.primary_name, store.layout.redis[primary_of(store)]
    hello = f"127.0.0.1,9,{'a' * 40},0,{name},{primary.host},{primary.port},0"
    ask(store, store.primary, "PUBLISH", "__sentinel__:hello", hello)
    wait_until(lambda: "sentinel-entries" in found(store))


def stale_entries(store: RunningStack, gather: Callable[[], Facts] | None = None) -> StaleEntries:
    return StaleEntries(gather or (lambda: facts(store)), store.layout.settings.primary_name, store.layout.operator)


def command(store: RunningStack, *words: str, **environment: str) -> tuple[int, str, str]:
    """Exit status, output and what was said, of a command of `manage.py`."""
    settings = store.layout.settings
    place = {"EVERGREEN_NETWORK": settings.network, "EVERGREEN_PORT": str(settings.port)}
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**os.environ, **store.environment, **place, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_stale_replicas_and_sentinels_are_found_and_cleared_while_the_primary_stays(store, tmp_path):
    primary = primary_of(store)
    with_a_stale_replica(store, tmp_path)
    with_a_stale_sentinel(store)
    # A Sentinel of a busy machine may be without an answer for a moment, which is a finding of its own.
    wait_until(lambda: found(store) == {"replica-entries": Level.WARNING, "sentinel-entries": Level.WARNING})
    assert all("--forget-stale" in line.remedy for line in lines(store) if line.check.endswith("-entries"))
    status, out, _ = command(store, "topology", "--forget-stale")
    assert (status, out.count("forgets replica 127.0.0.1:9, Sentinel 127.0.0.1:9.")) == (0, 3)
    wait_until(lambda: found(store) == {})
    assert store.primary == primary
    status, out, _ = command(store, "topology", "--forget-stale")
    assert (status, out) == (0, "0 Sentinels had stale entries, and have none now.\n")


@pytest.mark.parametrize("away", ["a replica", "a Sentinel"])
def test_nothing_is_forgotten_while_something_is_missing(store, tmp_path, away):
    with_a_stale_replica(store, tmp_path)
    name = a_replica(store) if away == "a replica" else "sentinel-2"
    store.stop(name)
    try:
        with pytest.raises(UnsafeToReset):
            stale_entries(store).forget(lambda what: None)
        status, _, said = command(store, "topology", "--forget-stale")
        assert (status, said.startswith("CommandError: Not now.")) == (2, True)
        assert GONE in known(store, "sentinel-1")
    finally:
        store.start(name)
        store.wait_until_whole()
        wait_until(lambda: not {"sentinels", "quorum", "nodes", "replication"} & set(found(store)))
        stale_entries(store).forget(lambda what: None)


def test_the_others_are_left_alone_when_a_replica_goes_away_after_the_first(store, tmp_path):
    with_a_stale_replica(store, tmp_path)
    name, told = a_replica(store), []

    def gather() -> Facts:
        if len(told) == 1 and GONE not in known(store, "sentinel-1") and found(store).keys() <= {"replica-entries"}:
            store.kill(name, signal.SIGSTOP)
        return facts(store)

    try:
        with pytest.raises(Exception, match=r"follow the primary|has no quorum|knows the replicas"):
            stale_entries(store, gather).forget(told.append)
        assert GONE in known(store, "sentinel-3")
    finally:
        store.kill(name, signal.SIGCONT)
        store.wait_until_whole()
        wait_until(lambda: not {"sentinels", "quorum", "nodes", "replication"} & set(found(store)))
        stale_entries(store).forget(lambda what: None)


def test_as_json_it_says_everything(store):
    with setting(store, a_replica(store), "maxmemory-policy", "allkeys-lru"):
        status, out, _ = command(store, "doctor", "--json")
    report = orjson.loads(out)
    wrong = [line for line in report["diagnoses"] if line["level"] == "problem"]
    assert (status, report["problem"], len(wrong), wrong[0]["check"]) == (2, 1, 1, "memory")
    assert {"level", "check", "subject", "finding", "remedy"} == set(wrong[0])


def test_where_no_stack_was_started_here_it_says_what_it_does_not_see(store, tmp_path):
    status, out, _ = command(store, "doctor", EVERGREEN_RUN=str(tmp_path))
    assert status == 0
    assert "API instances and nginx are unknown" in out


def test_without_a_store_it_says_so_and_exits_with_3(tmp_path):
    environment = {key: value for key, value in os.environ.items() if key not in ("SECRET_KEY", "REDIS_SENTINEL")}
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=ROOT,
        env={**environment, "EVERGREEN_RUN": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "REDIS_SENTINEL is missing" in done.stderr) == (3, True)
