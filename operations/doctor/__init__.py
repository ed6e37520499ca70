"""The doctor: every rule held against what nodes and Sentinels report of themselves."""

from collections.abc import Iterator, Mapping

from operations.doctor import limits, node_rules, replication_rules, sentinel_rules
from operations.doctor.diagnosis import Diagnosis, Level
from operations.doctor.facts import Facts
from operations.doctor.rules import Rule

#: The rules by the names of their checks. The first line of a rule's docstring is the text of its ok.
OF_SENTINELS: Mapping[str, Rule] = {
    "sentinels": sentinel_rules.answering,
    "agreement": sentinel_rules.agreeing,
    "quorum": sentinel_rules.quorum,
    "sentinel-entries": sentinel_rules.other_sentinels,
    "replica-entries": sentinel_rules.replicas,
    "sentinel-clients": limits.sentinel_connections,
}
OF_NODES: Mapping[str, Rule] = {
    "nodes": replication_rules.nodes_answer,
    "clients": limits.node_connections,
    "primary": replication_rules.one_primary,
    "replication": replication_rules.following,
    "revision": replication_rules.revisions,
    "versions": replication_rules.versions,
    "clock": replication_rules.clocks,
    "directories": replication_rules.directories,
    "persistence": node_rules.persistence,
    "durability": node_rules.durability,
    "memory": node_rules.memory,
    "safety": node_rules.replication_safety,
    "priority": node_rules.priorities,
    "lag-agent": node_rules.lag_agents,
}


def diagnoses(facts: Facts) -> Iterator[Diagnosis]:
    """Hold every rule against the facts. A rule that finds nothing gives one diagnosis: ok, or unknown where no server
    that it is about answers."""
    known_sentinels = sum(bool(sentinel.primary) for sentinel in facts.sentinels)
    for check, rule in OF_SENTINELS.items():
        yield from _apply(check, rule, facts, known_sentinels, len(facts.sentinels))
    for check, rule in OF_NODES.items():
        yield from _apply(check, rule, facts, len(facts.answering), len(facts.nodes))


def _apply(check: str, rule: Rule, facts: Facts, answering: int, known: int) -> Iterator[Diagnosis]:
    deviations = list(rule(facts))
    for deviation in deviations:
        yield Diagnosis(
            level=deviation.level,
            check=check,
            subject=str(deviation.subject),
            finding=deviation.finding,
            remedy=deviation.remedy,
        )
    if not deviations and not answering:
        yield Diagnosis(level=Level.UNKNOWN, check=check, finding="no server that it is about answers")
    elif not deviations:
        extent = "" if answering == known else f" ({answering} of {known} could be asked)"
        yield Diagnosis(level=Level.OK, check=check, finding=(rule.__doc__ or "").partition("\n")[0] + extent)
