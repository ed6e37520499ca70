"""A purchase in the shop that runs as Pods, before its primary is killed and afterwards:

    unshare --net --mount --pid --fork --kill-child --mount-proc python -m tests.kubernetes.purchase DIRECTORY

DIRECTORY has the rendered manifests and the images; what was seen is written to DIRECTORY/seen.json."""

import json
import secrets
import sys
import time
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.kubernetes.announced import FORM_S, NUMBERS, Clients, until
from tests.kubernetes.manifests import parse
from tests.kubernetes.pods import START_S, Node, Pod
from tests.system.shopping import Shopper

HOST = {"Host": "localhost"}
STAFF, CUSTOMER = "staff@example.com", "customer@example.com"
#: The order in which a cluster may start them is any: nothing waits for another.
WORKLOADS = ("redis", "sentinel", "api", "worker", "exporter", "nginx")


def trade(node: Node) -> Mapping[str, Any]:
    """What was seen: the answers to purchases, who was primary, and how long until the next answer."""
    pods = [pod for workload in WORKLOADS for pod in node.start(workload)]
    node.wait_until_started(*pods)
    password = secret(node, "redis_password_operator")
    clients = Clients(password, node.authority)
    until(lambda: clients.following() == len(NUMBERS) - 1, FORM_S)
    api = f"http://{node.address_of('nginx')}/api/v1"
    staff, customer = staff_of(node, api), new_customer(api)
    product = staff.new_product(10)
    first = customer.buy(product, key="first")
    repeated = customer.buy(product, key="first")
    primary = clients.primaries()[0][0]
    killed = node.pods[f"redis-{primary[-1]}"]
    node.remove(killed)
    began = time.monotonic()
    after = until(lambda: _bought(customer, product), START_S)
    took_s = time.monotonic() - began
    elected = clients.primaries()[0][0]
    returned = node.run(node.manifests.one("StatefulSet", "redis"), int(primary[-1]))
    node.wait_until_started(returned)
    until(lambda: clients.following() == len(NUMBERS) - 1, FORM_S)
    report = json.loads(run_operator(node, "python", "manage.py", "check_stock", "--json"))
    return {
        "pods": sorted(node.pods),
        "first": first.status_code,
        "repeated": [repeated.status_code, repeated.json()["id"] == first.json()["id"]],
        "primary": primary,
        "elected": elected,
        "after": after,
        "took_s": took_s,
        "addresses": [killed.address, returned.address],
        "followed": clients.roles()[int(primary[-1])][1],
        "stock": staff.stock(product),
        "violations": report["violations"],
    }


def _bought(customer: Shopper, product: str) -> int:
    """The status of a purchase, where it is one that was made."""
    try:
        status = customer.buy(product, key="after").status_code
    except httpx.HTTPError:
        return 0
    return status if status == httpx.codes.CREATED else 0


def staff_of(node: Node, api: str) -> Shopper:
    command = ("python", "manage.py", "create_staff", "--email", STAFF, "--generate", "--json")
    return _signed_in(api, STAFF, json.loads(run_operator(node, *command))["password"])


def new_customer(api: str) -> Shopper:
    password = secrets.token_urlsafe(16)
    body = {"email": CUSTOMER, "password": password, "first_name": "Ada", "last_name": "Lovelace"}
    answer = Shopper(api=api, headers=HOST).post("/users/", body)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return _signed_in(api, CUSTOMER, password)


def _signed_in(api: str, email: str, password: str) -> Shopper:
    answer = Shopper(api=api, headers=HOST).post("/auth/token/", {"email": email, "password": password})
    assert answer.is_success, answer.text
    return Shopper(api=api, headers={**HOST, "Authorization": f"Bearer {answer.json()['token']}"})


def run_operator(node: Node, *words: str) -> str:
    """What a command of an operator writes, in a Pod of the suspended CronJob, as `operate` makes them."""
    pod: Pod = node.run(node.manifests.one("CronJob", "operator"), 0, words)
    written = node.output(pod)
    node.remove(pod)
    return written


def secret(node: Node, name: str) -> str:
    return b64decode(node.manifests.one("Secret", "secrets")["data"][name]).decode().strip()


def main(directory: Path) -> None:
    node = Node(directory, parse((directory / "manifests.yaml").read_text()))
    try:
        node.prepare()
        seen = trade(node)
    except BaseException:
        print(node.logs())
        raise
    (directory / "seen.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
