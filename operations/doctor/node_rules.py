"""What can be wrong with one data node."""

from collections.abc import Iterator

from operations.doctor.diagnosis import Level
from operations.doctor.facts import Facts, NodeFacts
from operations.doctor.limits import Usage
from operations.doctor.rules import Deviation, problem, unknown, warning

#: For which a primary may count on a replica that is silent.
MAX_LAG_S = 10


def persistence(facts: Facts) -> Iterator[Deviation]:
    """Every node writes everything down, and did so the last time."""
    for node in facts.answering:
        if node.info["aof_enabled"] == "0":
            yield problem(node.address, "has its append-only file off", _set("appendonly yes"))
        for what, name in (("append-only file", "aof_last_write_status"), ("snapshot", "rdb_last_bgsave_status")):
            if node.info.get(name, "ok") != "ok":
                yield problem(node.address, f"could not write its {what}", "free its disk, and see its log")
        if node.info.get("aof_last_bgrewrite_status", "ok") != "ok":
            yield warning(node.address, "could not rewrite its append-only file", "free its disk, and see its log")
        if node.settings and node.settings["aof-load-truncated"] == "yes":
            yield warning(node.address, "would start on a torn append-only file", _set("aof-load-truncated no"))


def durability(facts: Facts) -> Iterator[Deviation]:
    """What is forced to disk fits EVERGREEN_DURABILITY."""
    for node in facts.answering:
        policy = (node.settings or {}).get("appendfsync", "")
        if facts.durability == "fsynced" and policy not in ("", "always"):
            finding = f"has appendfsync {policy}, and EVERGREEN_DURABILITY is fsynced: each write waits for a second"
            yield problem(node.address, finding, _set("appendfsync always"))
        elif policy == "no":
            yield problem(node.address, "leaves to the system when it writes to disk", _set("appendfsync everysec"))


def memory(facts: Facts) -> Iterator[Deviation]:
    """Every node throws nothing away, has a memory limit, and is not close to it."""
    for node in facts.answering:
        policy = node.info["maxmemory_policy"]
        if policy != "noeviction":
            finding = f"throws orders away at its memory limit ({policy})"
            yield problem(node.address, finding, _set("maxmemory-policy noeviction"))
        if int(node.info.get("evicted_keys", 0)):
            finding = f"has thrown away {int(node.info['evicted_keys']):,} keys"
            yield problem(node.address, finding, "restore them from a backup: `check_stock` says what is missing")
        yield from _use(node)


def _use(node: NodeFacts) -> Iterator[Deviation]:
    limit, used = int(node.info["maxmemory"]), int(node.info["used_memory"])
    whose = "its limit"
    if not limit:
        finding = "has no memory limit: what it holds may take the machine's memory, and other processes with it"
        yield warning(node.address, finding, _set("maxmemory 1gb"))
        limit, used, whose = int(node.info["total_system_memory"]), int(node.info["used_memory_rss"]), "the machine's"
    usage = Usage(used=used, limit=limit)
    if usage.level is not Level.OK:
        finding = f"uses {usage.share:.0%} of {whose} memory, {used / 1e6:,.0f} MB"
        yield Deviation(usage.level, node.address, finding, "give it more memory, or a limit")


def replication_safety(facts: Facts) -> Iterator[Deviation]:
    """Every node would refuse writes that no replica has, and writes sent to a replica."""
    for node in facts.answering:
        settings = node.settings
        if settings is None:
            yield unknown(node.address, "its settings: it refuses CONFIG GET", "allow CONFIG GET, or look yourself")
            continue
        if facts.replicas and facts.durability != "memory" and int(settings["min-replicas-to-write"]) < 1:
            yield problem(node.address, "takes writes without a replica", _set("min-replicas-to-write 1"))
        elif not 0 < int(settings["min-replicas-max-lag"]) <= MAX_LAG_S:
            finding = f"believes in a silent replica for {settings['min-replicas-max-lag']} s"
            yield warning(node.address, finding, _set("min-replicas-max-lag 3"))
        if settings["replica-read-only"] != "yes":
            yield problem(node.address, "takes writes as a replica", _set("replica-read-only yes"))


def priorities(facts: Facts) -> Iterator[Deviation]:
    """Every node can be elected, by how much it has and nothing else."""
    values = {node.address: (node.settings or {}).get("replica-priority") for node in facts.answering}
    for address, priority in values.items():
        if priority == "0":
            remedy = "wait: it has just started, or is slow, and gets replica-priority 100 again once it is in step"
            yield warning(address, "cannot be elected", remedy)
    if len({priority for priority in values.values() if priority not in (None, "0")}) > 1:
        text = ", ".join(f"{address} {priority}" for address, priority in values.items())
        yield problem(
            "data nodes", f"have different priorities: {text}", "on all of them, " + _set("replica-priority 100")
        )


def lag_agents(facts: Facts) -> Iterator[Deviation]:
    """Beside every node runs the agent that makes slow replicas ineligible, and eligible again."""
    for node in facts.answering:
        if not node.lag_agents:
            finding = "has no lag agent: as primary, it would let a slow replica stop sales"
            yield warning(node.address, finding, "restart the node, a replica first: the agent ended beside it")


def _set(setting: str) -> str:
    return f"`CONFIG SET {setting}`, and the same in its configuration file"
