"""What can be wrong between the data nodes."""

from collections.abc import Iterator
from itertools import combinations

from agents.node_status import NOWHERE_PORT
from operations.doctor.facts import Facts, NodeFacts
from operations.doctor.limits import remedy_of
from operations.doctor.rules import Deviation, problem, unknown, warning

#: Bytes of the stream that a replica may miss before it is called behind.
MAX_LAG_BYTES = 2**20
#: Seconds by which a clock may be wrong.
CLOCK_WARNING_S, CLOCK_PROBLEM_S = 1.0, 10.0
LOOPBACK = "127."
WITHOUT_ROLE = "start what is missing: its log names that, and the file by which it leads without (runbook, NoPrimary)"
MIN_VERSION = (7, 2)
#: From here on Redis counts rightly what is on the disks of replicas.
MIN_REDIS_WAITAOF = (7, 4, 3)


def nodes_answer(facts: Facts) -> Iterator[Deviation]:
    """Every data node that the Sentinels know answers."""
    stale_at_most = len(facts.nodes) - facts.replicas - 1
    silent = [node for node in facts.nodes if node.fault]
    if len(silent) > stale_at_most:
        for node in silent:
            remedy = remedy_of(node.fault, "start it: one fault less can be borne")
            yield problem(node.address, f"does not answer ({node.fault})", remedy)
    if not facts.nodes:
        yield problem("data nodes", "none is known, because no Sentinel names one", "start the Sentinels")


def one_primary(facts: Facts) -> Iterator[Deviation]:
    """Exactly one node is primary, and it is the one that the Sentinels name."""
    if not facts.primaries:
        yield problem("data nodes", "none is primary", "start the nodes and a majority of the Sentinels")
    for node in facts.primaries[1:] and facts.primaries:
        yield problem(node.address, "is primary beside another one", "wait for the Sentinels; `topology --watch`")
    named = {sentinel.primary_address for sentinel in facts.sentinels if sentinel.primary_address}
    for node in facts.primaries:
        if node.address not in named:
            yield problem(node.address, "is primary, and no Sentinel says so", "`REPLICAOF` it to the primary")
    for node in facts.answering:
        if node.address in named and not node.is_primary:
            yield problem(node.address, "is called primary, and says it is a replica", "wait for the Sentinels")


def following(facts: Facts) -> Iterator[Deviation]:
    """Every replica follows the primary, and is close behind."""
    primary = facts.primaries[0] if len(facts.primaries) == 1 else None
    for node in facts.answering:
        if node.is_primary:
            continue
        if node.follows and node.follows.port == NOWHERE_PORT:
            yield problem(node.address, f"waits for its role{_missing(facts)}", WITHOUT_ROLE)
        elif node.role[3] != "connected":
            finding = f"has no link to {node.follows}: {node.role[3]}"
            yield problem(node.address, finding, "see its log; `repl-timeout` and the network come first")
        elif primary and node.follows != primary.address:
            yield problem(node.address, f"follows {node.follows}, which is not primary", "wait for the Sentinels")
        elif primary and primary.offset - node.offset > MAX_LAG_BYTES:
            finding = f"is {primary.offset - node.offset:,} bytes behind"
            yield warning(node.address, finding, "look again; if it stays, look at its processor, disk and network")


def _missing(facts: Facts) -> str:
    missing = [str(node.address) for node in facts.nodes if node.fault]
    return f", and {', '.join(missing)} does not answer" if missing else ""


def revisions(facts: Facts) -> Iterator[Deviation]:
    """No replica has counted a write that the primary has not."""
    for primary in facts.primaries:
        for node in facts.answering:
            if node.follows == primary.address and node.revision > primary.revision:
                finding = f"is at revision {node.revision}, and its primary at {primary.revision}"
                remedy = "a newer copy was overruled: compare both, and keep its data before it copies the primary"
                yield problem(node.address, finding, remedy)


def versions(facts: Facts) -> Iterator[Deviation]:
    """Every node runs the same server, and none is too old."""
    names = {_server(node): node for node in facts.answering}
    if len(names) > 1:
        yield warning("data nodes", f"run {' and '.join(sorted(names))}", "bring all to the same version")
    for node in facts.answering:
        version = tuple(int(part) for part in node.info["redis_version"].split("."))
        if version < MIN_VERSION:
            yield problem(node.address, f"runs {_server(node)}", "upgrade it: 7.2 or later is needed")
        elif facts.durability == "fsynced" and version < MIN_REDIS_WAITAOF and "valkey_version" not in node.info:
            yield problem(
                node.address, f"runs {_server(node)}, whose MIN_REDIS_WAITAOF miscounts", "upgrade it to 7.4.3 or later"
            )


def clocks(facts: Facts) -> Iterator[Deviation]:
    """Every node's clock agrees with this machine's."""
    for node in facts.answering:
        wrong = abs(node.clock) - node.clock_error
        if wrong > CLOCK_WARNING_S:
            finding = (
                f"its clock is {abs(node.clock):.1f} s {'ahead of' if node.clock > 0 else 'behind'} this machine's"
            )
            remedy = "let NTP set both: tokens and idempotency keys expire by the nodes' clocks"
            yield (problem if wrong > CLOCK_PROBLEM_S else warning)(node.address, finding, remedy)


def directories(facts: Facts) -> Iterator[Deviation]:
    """No two nodes keep their data in the same directory."""
    placed = [node for node in facts.answering if node.settings]
    if any(not node.address.host.startswith(LOOPBACK) for node in placed):
        yield unknown("data nodes", "whether nodes on one machine share a directory", "give each a volume of its own")
        return
    for one, other in combinations(placed, 2):
        if _directory(one) == _directory(other):
            finding = f"keeps its data in {_directory(one)}, as {other.address} does"
            yield problem(one.address, finding, "stop one, and give it a directory of its own, empty")


def _directory(node: NodeFacts) -> str:
    return (node.settings or {})["dir"]


def _server(node: NodeFacts) -> str:
    valkey = node.info.get("valkey_version")
    return f"Valkey {valkey}" if valkey else f"Redis {node.info['redis_version']}"
