"""What one request costs: CPU of this process, which serves it, and CPU of the data nodes."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson
from django.test import Client

from exactly_once.client import Node

_USED = re.compile(r"^used_cpu_(?:user|sys)_main_thread:([0-9.]+)", re.MULTILINE)
TIMEOUT_S = 10.0
#: CPU that `slowness` takes on the machine of which the bounds of the cost tests are.
REFERENCE_MS = 1.1
_REFERENCE = {f"name {i}": [i, str(i), {"a": float(i)}] for i in range(20)}
_ROUNDS = 100
#: A reference is measured so often: another load can make it slower, never faster.
REFERENCES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Milliseconds of CPU in the API process, and in the data node that had most to do; `status` is the answer's."""

    api_ms: float
    redis_ms: float
    status: int = 0

    def lowest(self, other: "Cost") -> "Cost":
        """What both are at least. Two runs of one request differ by what else the machine does."""
        return Cost(
            api_ms=min(self.api_ms, other.api_ms), redis_ms=min(self.redis_ms, other.redis_ms), status=self.status
        )


class Meter:
    """Measures requests that are served in this process, by the data nodes of a running topology."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._client = Client(raise_request_exception=False)

    def measure(self, method: str, path: str, body: bytes, content_type: str, headers: dict[str, str]) -> Cost:
        """Send the request once."""
        before = [_used_ms(node) for node in self._nodes]
        began = time.process_time()
        response = self._client.generic(method, path, body, content_type=content_type, headers=headers)
        api_ms = 1000 * (time.process_time() - began)
        redis_ms = max(_used_ms(node) - used for node, used in zip(self._nodes, before, strict=True))
        return Cost(api_ms=api_ms, redis_ms=redis_ms, status=response.status_code)


def _used_ms(node: Node) -> float:
    """CPU of the thread in which the data node executes commands: unlike time, it does not grow with other load."""
    (statistics,) = node.run(("INFO", "cpu"), timeout=TIMEOUT_S)
    return 1000 * sum(map(float, _USED.findall(statistics)))


def lowest_cost(send: Callable[[], Cost], repeats: int) -> Cost:
    """The lowest cost of several requests of one kind."""
    cost = send()
    for _ in range(repeats - 1):
        cost = cost.lowest(send())
    return cost


def slowness() -> float:
    """How much more CPU the same work takes here, now, than on the machine of which the bounds are; at least 1. Other
    load that shares a core, or another processor, makes both the work and what is measured slower."""
    return max(min(_reference_ms() for _ in range(REFERENCES)) / REFERENCE_MS, 1.0)


def _reference_ms() -> float:
    began = time.process_time()
    for _ in range(_ROUNDS):
        orjson.loads(orjson.dumps(dict(sorted(_REFERENCE.items()))))
        sum(len(name.split()) for name in _REFERENCE)
    return 1000 * (time.process_time() - began)
