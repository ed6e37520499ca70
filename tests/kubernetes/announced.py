"""Three data nodes and three Sentinels that are announced by addresses of Services, in namespaces of their own:

    unshare --net --pid --fork --kill-child --mount-proc python -m tests.kubernetes.announced DIRECTORY SECRETS SERVER

Each listens at the address of its Pod. The packet filter translates the address of a Service to it, as kube-proxy does.
The primary gets SIGKILL; what was seen before and after is written to DIRECTORY/seen.json. All of it ends with this."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import redis

from tests.architecture.sources import ROOT

PRIMARY_NAME, STORE, PROBE = "evergreen", "{evergreen}", "{evergreen}:probe"
NUMBERS = (0, 1, 2)
REDIS_PORT, SENTINEL_PORT = 6379, 26379
FORM_S, ELECTION_S, RETRY_S = 60.0, 30.0, 0.1


def service(kind: int, number: int) -> str:
    return f"10.96.0.{kind}{number}"


def pod(kind: int, number: int) -> str:
    return f"10.244.0.{kind}{number}"


NODES = ",".join(f"{service(1, number)}:{REDIS_PORT}" for number in NUMBERS)
SENTINELS = ",".join(f"{service(2, number)}:{SENTINEL_PORT}" for number in NUMBERS)
#: Settings by which all Services that there can be have such addresses, and with which the tiers have TLS too.
PINNED = {
    "EVERGREEN_REDIS_NODES": ",".join(f"{service(1, number)}:{REDIS_PORT}" for number in range(5)),
    "REDIS_SENTINEL": ",".join(f"{service(2, number)}:{SENTINEL_PORT}" for number in range(5)),
}
ENCRYPTED = {**PINNED, "EVERGREEN_INTERNAL_TLS": "on"}


def command(*words: str) -> None:
    subprocess.run(words, check=True, timeout=20)


def make_network() -> None:
    """Addresses of Pods on the loopback interface, and those of Services that lead to them."""
    command("ip", "link", "set", "lo", "up")
    for number in NUMBERS:
        for kind, port in ((1, REDIS_PORT), (2, SENTINEL_PORT)):
            target = pod(kind, number)
            command("ip", "addr", "add", f"{target}/32", "dev", "lo")
            rule = ("-d", service(kind, number), "-p", "tcp", "--dport", str(port), "-j", "DNAT")
            command("iptables", "-t", "nat", "-A", "OUTPUT", *rule, "--to", f"{target}:{port}")
    command("ip", "route", "replace", "10.96.0.0/24", "dev", "lo")


def start(directory: Path, secrets: Path, server: str) -> Sequence[subprocess.Popen[bytes]]:
    """The data nodes, by number; the Sentinels run beside them."""
    names = ("--nodes", NODES, "--sentinels", SENTINELS, "--primary-name", PRIMARY_NAME)
    common = ("--server", server, "--secrets", str(secrets), *names)
    started = []
    for number in NUMBERS:
        template = ("--template", str(ROOT / "deploy/sentinel/sentinel.conf"))
        where = ("--address", f"{service(2, number)}:{SENTINEL_PORT}", "--bind", pod(2, number))
        launch(directory, f"sentinel-{number}", "agents.sentinel", *common, *template, *where)
        configuration = ("--configuration", str(ROOT / "deploy/redis/redis.conf"), "--maxmemory", "100mb")
        where = ("--address", f"{service(1, number)}:{REDIS_PORT}", "--bind", pod(1, number))
        key = ("--revision-key", f"{STORE}:revision")
        started.append(launch(directory, f"redis-{number}", "agents.node", *common, *configuration, *where, *key))
    return started


def launch(directory: Path, name: str, module: str, *words: str) -> subprocess.Popen[bytes]:
    with (directory / f"{name}.log").open("wb") as log:
        full = (sys.executable, "-m", module, "--directory", str(directory / name), *words)
        return subprocess.Popen(full, stdout=log, stderr=log, cwd=ROOT)


class Clients:
    """Calls by the addresses of Services, as an operator; by TLS where there is an authority to believe."""

    def __init__(self, password: str, authority: Path | None = None, numbers: Sequence[int] = NUMBERS) -> None:
        self._numbers = numbers
        self._options: dict[str, Any] = {"username": "operator", "password": password}
        if authority:
            self._options |= {"ssl": True, "ssl_ca_certs": str(authority), "ssl_check_hostname": True}

    def ask(self, host: str, port: int, *words: object) -> Any:
        """The answer, or None where there is none."""
        client = redis.Redis(host, port, socket_timeout=2, decode_responses=True, **self._options)
        try:
            return client.execute_command(*words)
        except redis.RedisError:
            return None
        finally:
            client.close()

    def roles(self) -> list[Any]:
        return [self.ask(service(1, number), REDIS_PORT, "ROLE") for number in self._numbers]

    def primaries(self) -> list[Any]:
        """What each Sentinel calls primary."""
        words = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", PRIMARY_NAME)
        return [self.ask(service(2, number), SENTINEL_PORT, *words) for number in NUMBERS]

    def following(self) -> int:
        return sum(role is not None and role[0] == "slave" and role[3] == "connected" for role in self.roles())

    def other_primary(self, former: str) -> str:
        """Another one than this, that takes a write, by the first Sentinel; empty where there is none yet."""
        found = self.primaries()[0]
        if not found or found[0] == former or not self.ask(found[0], REDIS_PORT, "SET", PROBE, "after"):
            return ""
        return str(found[0])


def until(condition: Callable[[], Any], limit_s: float) -> Any:
    """The first true value. Raises TimeoutError."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(RETRY_S)
    raise TimeoutError(condition)


def main(directory: Path, secrets: Path, server: str) -> None:
    make_network()
    nodes = start(directory, secrets, server)
    clients = Clients((secrets / "redis_password_operator").read_text().strip())
    until(lambda: clients.following() == len(NUMBERS) - 1, FORM_S)
    until(lambda: None not in clients.primaries(), FORM_S)
    before = clients.primaries()
    primary = before[0][0]
    clients.ask(primary, REDIS_PORT, "SET", PROBE, "before")
    copies = clients.ask(primary, REDIS_PORT, "WAIT", "2", "5000")
    killed = time.monotonic()
    nodes[int(primary[-1])].kill()
    elected = until(lambda: clients.other_primary(primary), ELECTION_S)
    took_s = time.monotonic() - killed
    until(lambda: clients.following() == 1, FORM_S)
    until(lambda: all(each and each[0] == elected for each in clients.primaries()), FORM_S)
    seen = {"before": before, "copies": copies, "elected": elected, "took_s": took_s, "roles": clients.roles()}
    (directory / "seen.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
