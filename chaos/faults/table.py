"""Every fault by its name, in the order of the table."""

from collections.abc import Mapping
from dataclasses import replace

from chaos.faults import instances, links, nodes, stack
from chaos.faults.kinds import LONGEST_WRITE_S, Fault, Tolerance

NOTHING = Fault(name="nothing", what="nothing happens", inject=None)
FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        NOTHING,
        *nodes.OF_PRIMARY,
        *links.OF_LINKS,
        *nodes.OF_REPLICAS,
        *nodes.OF_SENTINELS,
        *instances.OF_INSTANCES,
        *nodes.PLANNED,
        *stack.OF_SUPERVISOR,
        *stack.OF_EVERYTHING,
        *stack.OF_RESOURCES,
        *nodes.OF_QUORUM,
    )
}
#: What `make test` runs of them.
SHORT = (
    "primary-killed",
    "primary-frozen",
    "replica-killed",
    "instance-killed",
    "worker-killed",
    "primary-moved",
)
#: Of the topology that the table was made for.
DATA_NODES, SENTINELS = 3, 3
_OF_INSTANCES = frozenset(fault.name for fault in instances.OF_INSTANCES)


def expected(fault: Fault, data_nodes: int = DATA_NODES, sentinels: int = SENTINELS) -> Fault:
    """The fault with what clients may see of it where there are so many data nodes and Sentinels.

    With one replica no write is acknowledged while either node is away. With more than two, and with five Sentinels,
    more of them may be."""
    is_survived = {"quorum-lost": data_nodes > DATA_NODES, "two-sentinels-lost": sentinels > SENTINELS}
    if is_survived.get(fault.name):
        # Three Sentinels that are left of five must all vote for the same one: a second or a third election may be
        # needed, and a write may wait for that until its deadline.
        longest_write = None if fault.name == "two-sentinels-lost" else LONGEST_WRITE_S
        return replace(fault, tolerance=Tolerance.NOTHING, longest_write=longest_write)
    needs_both = data_nodes < DATA_NODES and fault.inject is not None and fault.name not in _OF_INSTANCES
    if needs_both and fault.tolerance is Tolerance.NOTHING:
        return replace(fault, tolerance=Tolerance.REFUSED_WRITES, longest_write=None)
    return fault
