"""One side of a comparison: where it listens, its processes, and what can be asked of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHOP = "Evergreen"
#: The shop of another tree, as it was before a change.
BEFORE = "Evergreen before"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One side: its name, its port on 127.0.0.1, its process ids by kind, the tokens of its customers, and the ids of
    its products, the same on every side but for their order."""

    name: str
    port: int
    processes: Mapping[str, Sequence[int]]
    tokens: Sequence[str]
    products: Sequence[str]
