"""More and fewer data nodes and Sentinels of the shop that runs as Pods, by deploy/kubernetes/scale, while it sells:

    unshare --net --mount --pid --fork --kill-child --mount-proc python -m tests.kubernetes.scaling DIRECTORY STEP...

A STEP is what the script is called with, as in redis=4, or `kill`, for SIGKILL to the primary's Pod. DIRECTORY has the
overlay, the rendered manifests and the images; what was seen is written to DIRECTORY/seen.json."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.kubernetes import kubectl
from tests.kubernetes.announced import FORM_S, Clients, until
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.manifests import KUBERNETES, parse
from tests.kubernetes.pods import Node
from tests.kubernetes.purchase import WORKLOADS, new_customer, run_operator, secret, staff_of
from tests.system.shopping import Load, Shopper

STOCK, PAUSE_S, SCRIPT_S, KILL = 100_000, 0.05, 900, "kill"
REDIS = "redis"


@dataclass(kw_only=True)
class TimedShopper(Shopper):
    """Buys with a key, so that nginx repeats a purchase whose instance ends; remembers how long the longest took."""

    longest_s: float = 0.0

    def buy(self, product: str, quantity: int = 1, key: str | None = None) -> httpx.Response:
        began = time.monotonic()
        try:
            return super().buy(product, quantity, key or uuid.uuid4().hex)
        finally:
            self.longest_s = max(self.longest_s, time.monotonic() - began)


def scale(node: Node, steps: Sequence[str]) -> Mapping[str, Any]:
    """What was seen: how each purchase ended, and what is there after each step."""
    pods = [pod for workload in WORKLOADS for pod in node.start(workload)]
    node.wait_until_started(*pods)
    clients = Clients(secret(node, "redis_password_operator"), node.authority)
    until(lambda: clients.following() == 2, FORM_S)
    api = f"http://{node.address_of('nginx')}/api/v1"
    staff, customer = staff_of(node, api), new_customer(api)
    product = staff.new_product(STOCK)
    cluster, socket = Cluster(node), node.directory / "cluster"
    kubectl.install(node.directory / "bin", socket)
    with cluster.serving(socket):
        seen = [observe(node, step, customer, product) for step in steps]
    report = json.loads(run_operator(node, "python", "manage.py", "check_stock", "--json"))
    topology = json.loads(run_operator(node, "python", "manage.py", "topology", "--json"))
    return {
        "steps": seen,
        "sold": STOCK - staff.stock(product),
        "violations": report["violations"],
        "topology": topology,
        "requests": cluster.requests,
    }


def observe(node: Node, step: str, customer: Shopper, product: str) -> Mapping[str, Any]:
    """Carry out one step while a customer buys."""
    buyer, began = TimedShopper(api=customer.api, headers=customer.headers), time.monotonic()
    with Load(buyers=[buyer], readers=[customer], product=product, pause=PAUSE_S) as load:
        take(node, step)
        following = until(lambda: follows(node), FORM_S)
    seen = {
        "step": step,
        "took_s": time.monotonic() - began,
        "following": following,
        "bought": len(load.bought),
        "reads": load.reads,
        "failures": len(load.failures),
        "first_failures": load.failures[:5],
        "longest_s": buyer.longest_s,
    }
    print(seen, flush=True)
    return seen


def take(node: Node, step: str) -> None:
    """Carry out one step."""
    if step == KILL:
        clients = Clients(secret(node, "redis_password_operator"), node.authority)
        killed = node.pods[f"{REDIS}-{clients.primaries()[0][0][-1]}"]
        node.remove(killed)
        until(lambda: clients.other_primary(node.address_of(killed.name)), FORM_S)
        returned = node.run(node.manifests.one("StatefulSet", REDIS), int(killed.name[-1]))
        node.wait_until_started(returned)
        return
    program, variables = node.directory / "bin", {"EVERGREEN_LOCAL": str(node.directory / "local")}
    environment = {**os.environ, **variables, "PATH": f"{program}:{os.environ['PATH']}"}
    words = [KUBERNETES / "scale", *step.split("=")]
    answer = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=SCRIPT_S, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def follows(node: Node) -> int:
    """How many replicas follow, where all of them do."""
    numbers = range(node.manifests.one("StatefulSet", REDIS)["spec"]["replicas"])
    clients = Clients(secret(node, "redis_password_operator"), node.authority, numbers)
    following = clients.following()
    return following if following == len(numbers) - 1 else 0


def main(directory: Path, *steps: str) -> None:
    node = Node(directory, parse((directory / "manifests.yaml").read_text()))
    try:
        node.prepare()
        seen = scale(node, steps)
    except BaseException:
        print(node.logs())
        raise
    (directory / "seen.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
