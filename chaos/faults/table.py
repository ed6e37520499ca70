"""Every fault by its name, in the order of the table."""

from collections.abc import Mapping

from chaos.faults import instances, links, nodes, stack
from chaos.faults.kinds import Fault

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
