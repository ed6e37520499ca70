"""The faults: what is done, for how long, and which failures clients may see meanwhile."""

from chaos.faults.kinds import FAILOVER_S, Fault, Tolerance
from chaos.faults.table import FAULTS, SHORT, expected

__all__ = ["FAILOVER_S", "FAULTS", "SHORT", "Fault", "Tolerance", "expected"]
