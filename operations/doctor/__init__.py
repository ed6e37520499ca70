"""The store looked over: every rule held against what nodes and Sentinels say of themselves."""

from collections.abc import Iterator, Mapping

from operations.doctor import node_rules, replication_rules, sentinel_rules
from operations.doctor.diagnosis import Diagnosis, Level
from operations.doctor.facts import Facts
from operations.doctor.rules import Rule

#: The rules by the names of their checks. The first line of a rule's docstring is what is so where it finds nothing.
OF_SENTINELS: Mapping[str, Rule] = {
    "sentinels": sentinel_rules.answering,
    "agreement": sentinel_rules.agreeing,
    "quorum": sentinel_rules.quorum,
    "sentinel-entries": sentinel_rules.other_sentinels,
    "replica-entries": sentinel_rules.replicas,
}
OF_NODES: Mapping[str, Rule] = {
    "nodes": replication_rules.nodes_answer,
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
}


def diagnoses(facts: Facts) -> Iterator[Diagnosis]:
    """What the rules find in the facts; of a rule that finds nothing, that all is well, as far as it could be seen."""
    seen = sum(bool(sentinel.primary) for sentinel in facts.sentinels)
    for check, rule in OF_SENTINELS.items():
        yield from _diagnosed(check, rule, facts, seen, len(facts.sentinels))
    for check, rule in OF_NODES.items():
        yield from _diagnosed(check, rule, facts, len(facts.answering), len(facts.nodes))


def _diagnosed(check: str, rule: Rule, facts: Facts, seen: int, known: int) -> Iterator[Diagnosis]:
    wrongs = list(rule(facts))
    for wrong in wrongs:
        yield Diagnosis(
            level=wrong.level, check=check, subject=str(wrong.subject), found=wrong.found, remedy=wrong.remedy
        )
    if not wrongs and not seen:
        yield Diagnosis(level=Level.UNSEEN, check=check, found="nobody answers who could be asked")
    elif not wrongs:
        so_far = "" if seen == known else f" ({seen} of {known} could be asked)"
        yield Diagnosis(level=Level.OK, check=check, found=(rule.__doc__ or "").partition("\n")[0] + so_far)
