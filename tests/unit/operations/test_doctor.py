"""What no test can make a real server say: clocks, versions, lags and shared directories."""

from dataclasses import replace

import pytest

from agents.node_status import NOWHERE_PORT
from exactly_once.client import Address
from exactly_once.revision import Revision
from operations.doctor import OF_NODES, OF_SENTINELS, diagnoses
from operations.doctor.diagnosis import Level
from operations.doctor.facts import Facts, NodeFacts, SentinelFacts

ONE, TWO, THREE = (Address(f"127.0.0.{number}", 6379) for number in (1, 2, 3))
SENTINELS = [Address(f"127.0.0.{number}", 26379) for number in (11, 12, 13)]
INFO = {
    "redis_version": "7.2.4",
    "valkey_version": "9.1.2",
    "aof_enabled": "1",
    "aof_last_write_status": "ok",
    "aof_last_bgrewrite_status": "ok",
    "rdb_last_bgsave_status": "ok",
    "maxmemory": "1000000",
    "maxmemory_policy": "noeviction",
    "used_memory": "1000",
    "used_memory_rss": "1000",
    "total_system_memory": "1000000",
    "evicted_keys": "0",
    "connected_clients": "20",
    "maxclients": "10000",
}
SETTINGS = {
    "appendfsync": "everysec",
    "aof-load-truncated": "no",
    "min-replicas-to-write": "1",
    "min-replicas-max-lag": "3",
    "replica-read-only": "yes",
    "replica-priority": "100",
}


def node(address: Address, **changes) -> NodeFacts:
    role = ["master", 5000, []] if address == ONE else ["slave", ONE.host, ONE.port, "connected", 5000]
    settings = {**SETTINGS, "dir": f"/data/{address.host}"}
    return replace(
        NodeFacts(address=address, role=role, info=INFO, settings=settings, revision=Revision(3, 7)), **changes
    )


def sentinel(address: Address) -> SentinelFacts:
    return SentinelFacts(
        address=address,
        answers=True,
        primary={"name": "shop", "ip": ONE.host, "port": str(ONE.port), "flags": "master", "quorum": "2"},
        replicas=[{"ip": each.host, "port": str(each.port)} for each in (TWO, THREE)],
        others=[{"ip": each.host, "port": str(each.port)} for each in SENTINELS if each != address],
    )


def facts(*nodes: NodeFacts, **changes) -> Facts:
    present = {each.address: each for each in (node(ONE), node(TWO), node(THREE), *nodes)}
    made = Facts(
        sentinels=[sentinel(each) for each in SENTINELS],
        nodes=list(present.values()),
        replicas=2,
        durability="replicated",
    )
    return replace(made, **changes)


def wrong(found: Facts) -> list[tuple[str, Level]]:
    return [(line.check, line.level) for line in diagnoses(found) if line.level is not Level.OK]


def test_of_a_whole_store_every_rule_says_that_all_is_well():
    said = list(diagnoses(facts()))
    assert [line.check for line in said] == [*OF_SENTINELS, *OF_NODES]
    assert {line.level for line in said} == {Level.OK}
    assert all(line.finding.endswith(".") for line in said)


CASES = [
    ({"lag_agents": 0}, "lag-agent", Level.WARNING),
    ({"clock": 3.0}, "clock", Level.WARNING),
    ({"clock": -30.0}, "clock", Level.PROBLEM),
    ({"info": {**INFO, "valkey_version": "9.0.0"}}, "versions", Level.WARNING),
    ({"info": {**INFO, "evicted_keys": "3"}}, "memory", Level.PROBLEM),
    ({"info": {**INFO, "connected_clients": "8000"}}, "clients", Level.WARNING),
    ({"info": {**INFO, "connected_clients": "9500"}}, "clients", Level.PROBLEM),
    ({"info": {**INFO, "used_memory": "800000"}}, "memory", Level.WARNING),
    ({"info": {**INFO, "used_memory": "950000"}}, "memory", Level.PROBLEM),
    ({"info": {**INFO, "maxmemory": "0"}}, "memory", Level.WARNING),
    ({"info": {**INFO, "aof_last_write_status": "err"}}, "persistence", Level.PROBLEM),
    ({"info": {**INFO, "aof_last_bgrewrite_status": "err"}}, "persistence", Level.WARNING),
    ({"revision": Revision(3, 8)}, "revision", Level.PROBLEM),
    ({"revision": Revision(4, 1)}, "revision", Level.PROBLEM),
    ({"settings": None}, "safety", Level.UNKNOWN),
    ({"settings": {**SETTINGS, "dir": "/data/127.0.0.1"}}, "directories", Level.PROBLEM),
    ({"role": ["slave", TWO.host, TWO.port, "connected", 5000]}, "replication", Level.PROBLEM),
    ({"role": ["slave", ONE.host, ONE.port, "connecting", -1]}, "replication", Level.PROBLEM),
]


@pytest.mark.parametrize(("changes", "check", "level"), CASES)
def test_of_one_replica_it_finds(changes, check, level):
    assert wrong(facts(node(THREE, **changes))) == [(check, level)]


def test_a_node_without_a_memory_limit_is_held_against_the_machine_too():
    unlimited = node(THREE, info={**INFO, "maxmemory": "0", "used_memory_rss": "950000"})
    assert wrong(facts(unlimited)) == [("memory", Level.WARNING), ("memory", Level.PROBLEM)]


def test_a_node_without_a_free_connection_is_not_said_to_be_stopped():
    full = NodeFacts(address=THREE, fault="127.0.0.3:6379: max number of clients reached")
    found = [line for line in diagnoses(facts(full)) if line.level is not Level.OK]
    assert [(line.check, line.subject) for line in found] == [("nodes", str(THREE)), ("clients", str(THREE))]
    assert all("start" not in line.remedy.split() and "`ss -tn`" in line.remedy for line in found)


def test_a_sentinel_that_runs_out_of_connections_is_found():
    info = {"connected_clients": "9000", "maxclients": "10000"}
    sentinels = [replace(sentinel(SENTINELS[0]), info=info), *map(sentinel, SENTINELS[1:])]
    assert wrong(facts(sentinels=sentinels)) == [("sentinel-clients", Level.WARNING)]


def test_a_clock_that_could_only_be_read_roughly_is_not_blamed():
    assert wrong(facts(node(THREE, clock=3.0, clock_error=2.5))) == []


def test_a_replica_that_is_megabytes_behind_is_found():
    ahead = node(ONE, role=["master", 5000 + 2**21, []])
    assert wrong(facts(ahead)) == [("replication", Level.WARNING)] * 2


def test_all_of_a_version_that_is_too_old_are_found():
    old = [node(each, info={**INFO, "redis_version": "6.2.7", "valkey_version": ""}) for each in (ONE, TWO, THREE)]
    assert wrong(facts(*old)) == [("versions", Level.PROBLEM)] * 3


def test_a_redis_whose_waitaof_miscounts_is_found_where_it_is_relied_on():
    info = {name: value for name, value in INFO.items() if name != "valkey_version"}
    settings = {**SETTINGS, "appendfsync": "always"}
    nodes = [node(each, info=info, settings={**settings, "dir": each.host}) for each in (ONE, TWO, THREE)]
    assert wrong(facts(*nodes)) == []
    assert wrong(facts(*nodes, durability="fsynced")) == [("versions", Level.PROBLEM)] * 3


def test_whether_machines_elsewhere_share_a_directory_is_not_guessed():
    far = Address("10.0.0.3", 6379)
    found = facts(nodes=[node(ONE), node(TWO), node(far)])
    assert ("directories", Level.UNKNOWN) in wrong(found)


def test_a_stale_replica_is_told_from_one_that_is_down():
    gone = NodeFacts(address=Address("127.0.0.9", 6379), fault="refused")
    knowing = [
        replace(each, replicas=[*each.replicas, {"ip": "127.0.0.9", "port": "6379"}])
        for each in map(sentinel, SENTINELS)
    ]
    stale = facts(gone, sentinels=knowing)
    assert wrong(stale) == [("replica-entries", Level.WARNING)] * 3
    down = facts(node(THREE, fault="refused", role=(), info={}))
    assert wrong(down) == [("nodes", Level.PROBLEM)]


def test_what_only_some_could_be_asked_about_says_so():
    said = {line.check: line.finding for line in diagnoses(facts(node(THREE, fault="refused", role=(), info={})))}
    assert said["memory"].endswith("(2 of 3 could be asked)")


def test_a_node_that_waits_for_its_role_is_a_problem_that_names_the_nodes_it_waits_for():
    waiting = node(TWO, role=["slave", ONE.host, NOWHERE_PORT, "connect", -1])
    found = [line for line in diagnoses(facts(waiting, node(THREE, fault="refused"))) if line.subject == str(TWO)]
    (line,) = [line for line in found if "role" in line.finding]
    assert line.level is Level.PROBLEM
    assert line.finding == f"waits for its role, and {THREE} does not answer"
    assert "NoPrimary" in line.remedy
