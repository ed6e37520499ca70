"""What can be wrong with the Sentinels and with what they know."""

from collections.abc import Iterator

from configuration import PROGRAM
from exactly_once.sentinel_records import address_of
from operations.doctor.diagnosis import Level
from operations.doctor.facts import Facts
from operations.doctor.limits import remedy_of
from operations.doctor.rules import Deviation, problem, warning

MIN_SENTINELS = 3
NUMBER = "run three or five, and name all of them"
FORGET = f"if it is gone for good, `{PROGRAM} topology --forget-stale` clears it; otherwise start it"


def answering(facts: Facts) -> Iterator[Deviation]:
    """Every Sentinel answers, and knows the primary."""
    known = sum(bool(sentinel.primary) for sentinel in facts.sentinels)
    level = Level.PROBLEM if known < facts.majority else Level.WARNING
    for sentinel in facts.sentinels:
        if not sentinel.answers:
            remedy = remedy_of(sentinel.fault, "start it: without a majority nothing fails over")
            yield Deviation(level, sentinel.address, f"does not answer ({sentinel.fault})", remedy)
        elif not sentinel.primary:
            yield Deviation(
                level, sentinel.address, "knows no primary of this name", "correct REDIS_MASTER_NAME, or its"
            )
    if len(facts.sentinels) < MIN_SENTINELS:
        yield warning("REDIS_SENTINEL", f"names {len(facts.sentinels)} Sentinels", NUMBER)
    elif len(facts.sentinels) % 2 == 0:
        finding = f"names {len(facts.sentinels)} Sentinels, which survive no more failures than one fewer would"
        yield warning("REDIS_SENTINEL", finding, NUMBER)


def agreeing(facts: Facts) -> Iterator[Deviation]:
    """All Sentinels name the same primary, and none is failing over."""
    named = {sentinel.primary_address for sentinel in facts.sentinels if sentinel.primary_address}
    if len(named) > 1:
        for sentinel in facts.sentinels:
            if sentinel.primary_address:
                remedy = "wait for a failover to end; `topology --watch` shows it; restart the one that stays behind"
                yield problem(
                    sentinel.address, f"names {sentinel.primary_address} as primary, and others do not", remedy
                )
    for sentinel in facts.sentinels:
        if "failover_in_progress" in sentinel.primary.get("flags", ""):
            yield warning(sentinel.address, "is failing over", "look again in a few seconds")


def quorum(facts: Facts) -> Iterator[Deviation]:
    """Every Sentinel could have a failover carried out."""
    for sentinel in facts.sentinels:
        if sentinel.quorum_fault:
            yield problem(
                sentinel.address, f"could not fail over: {sentinel.quorum_fault}", "start the other Sentinels"
            )
        elif sentinel.primary and int(sentinel.primary["quorum"]) != facts.majority:
            finding = f"takes {sentinel.primary['quorum']} of {len(facts.sentinels)} for a quorum"
            remedy = f"`SENTINEL SET {sentinel.primary['name']} quorum {facts.majority}` there"
            yield warning(sentinel.address, finding, remedy)


def other_sentinels(facts: Facts) -> Iterator[Deviation]:
    """Every Sentinel knows the others, and no more."""
    right = len(facts.sentinels) - 1
    for sentinel in facts.sentinels:
        if sentinel.primary and len(sentinel.others) < right:
            finding = f"knows {len(sentinel.others)} of {right} other Sentinels"
            yield problem(sentinel.address, finding, "let it reach the primary, through which they find each other")
        elif len(sentinel.others) > right:
            named = {other.address for other in facts.sentinels}
            strange = [str(at) for other in sentinel.others if (at := address_of(other)) not in named]
            finding = f"knows {len(sentinel.others)} other Sentinels, not {right}: {', '.join(strange) or 'one twice'}"
            yield warning(sentinel.address, finding, FORGET)


def replicas(facts: Facts) -> Iterator[Deviation]:
    """Every Sentinel knows the replicas, and no more."""
    silent = {node.address for node in facts.nodes if node.fault}
    for sentinel in facts.sentinels:
        known = [address_of(record) for record in sentinel.replicas]
        if sentinel.primary and len(known) < facts.replicas:
            finding = f"knows {len(known)} of {facts.replicas} replicas"
            yield problem(sentinel.address, finding, "start those that are missing, and let them follow the primary")
        elif len(known) > facts.replicas:
            gone = ", ".join(str(address) for address in known if address in silent)
            if gone:
                yield warning(sentinel.address, f"has stale entries: {gone} does not answer", FORGET)
            else:
                remedy = f"set EVERGREEN_REPLICAS={len(known)}, or stop the surplus and forget it"
                yield warning(sentinel.address, f"knows {len(known)} replicas, not {facts.replicas}", remedy)
