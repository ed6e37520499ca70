"""Machines on this one: namespaces of network, processes, mounts and name, each with a Docker engine, on one switch.

To kill the first process of a machine's process namespace is to cut its power: the kernel ends everything in it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.orphans import is_orphan
from tests.stack_fixtures import wait_until

START_TIMEOUT_S = 120.0
MEMORY_BYTES, CGROUP_TIMEOUT_S = 8 << 30, 5.0
#: How the names of machines and of their files begin: with the process that made them. Linux has little room for it.
MARK = "evs{pid}-"
#: Where engines may have their data, the first of them in memory.
BASES = ("/dev/shm", "/tmp")
#: Of the CPU, in processes outside: to the kernel a group of containers is one, however many run in it.
CPU_SHARES = 4
#: Reaps what is left to it, as the first process must, and starts the engine, again where it fails: a busy one
#: waits too short for its containerd. Its output goes to a file.
INIT = """
mount -t tmpfs tmpfs /run && hostname "$1" || exit 1
shift
while :; do sleep 3600 & wait $!; done &
until "$@" </dev/null >>"$LOG" 2>&1; do rm -f "$PID_FILE"; sleep 1; done &
while :; do wait; sleep 1; done
"""


def run(*words: str, timeout_s: float = 120.0) -> str:
    """What the command answers. Raises AssertionError, with everything that it printed, where it fails."""
    answer = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert answer.returncode == 0, f"{' '.join(words)}\n{answer.stdout}{answer.stderr}"
    return answer.stdout


@dataclass(kw_only=True, eq=False)
class Machine:
    """A machine with an address on the switch. `name` is its host name."""

    name: str
    address: str
    namespace: str
    directory: Path
    switch: str
    _first: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def socket(self) -> str:
        return f"unix://{self.directory}/docker.sock"

    @property
    def cgroup(self) -> str:
        return f"/{self.namespace}"

    @property
    def port(self) -> str:
        """Its port on the switch."""
        return f"port{self.name.rpartition('-')[2]}"

    def boot(self) -> None:
        """Start the engine, and return when it answers."""
        self.directory.mkdir(exist_ok=True)
        run("ip", "-n", self.switch, "link", "set", self.port, "up")
        for stale in ("docker.pid", "docker.sock"):
            (self.directory / stale).unlink(missing_ok=True)
        self._share_cpu()
        entered = ("nsenter", f"--net=/var/run/netns/{self.namespace}")
        isolated = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
        files = {"LOG": str(self.directory / "engine.log"), "PID_FILE": str(self.directory / "docker.pid")}
        self._first = subprocess.Popen(
            [*entered, *isolated, "sh", "-c", INIT, "sh", self.name, *self._engine()], env=os.environ | files
        )
        wait_until(self.is_up, START_TIMEOUT_S)

    def _share_cpu(self) -> None:
        controllers = Path("/sys/fs/cgroup")
        is_first_version = (controllers / "cpu").exists()
        group = Path(f"{controllers}/{'cpu' if is_first_version else ''}{self.cgroup}")
        group.mkdir(exist_ok=True)
        name, usual = ("cpu.shares", 1024) if is_first_version else ("cpu.weight", 100)
        if (group / name).exists():
            (group / name).write_text(str(CPU_SHARES * usual))

    def _engine(self) -> Sequence[str]:
        state = self.directory
        paths = ("--data-root", f"{state}/data", "--exec-root", f"{state}/x", "--pidfile", f"{state}/docker.pid")
        return ("dockerd", *paths, "--cgroup-parent", self.cgroup, "-H", self.socket)

    def is_up(self) -> bool:
        """Whether its engine answers."""
        try:
            self.docker("version", timeout_s=10)
        except (AssertionError, subprocess.TimeoutExpired):
            return False
        return True

    def docker(self, *words: str, timeout_s: float = 120.0) -> str:
        """What this machine's engine answers. Raises AssertionError where it fails."""
        return run("docker", "-H", self.socket, *words, timeout_s=timeout_s)

    @property
    def is_on(self) -> bool:
        return self._first is not None

    def cut_power(self) -> None:
        """End everything on it at once, without a word to anything else: no packet leaves it any more."""
        if self._first:
            try:
                run("ip", "-n", self.switch, "link", "set", self.port, "down")
            finally:
                self._first.kill()
                self._first.wait(30)
                self._first = None

    def shut_down(self) -> None:
        """End the engine in an orderly way, and then what is left."""
        os.kill(self._engine_pid(), signal.SIGTERM)
        wait_until(lambda: not (self.directory / "docker.pid").exists(), START_TIMEOUT_S)
        self.cut_power()

    def _engine_pid(self) -> int:
        """The engine's process as this machine numbers it: its own file has the number in its namespace."""
        found = run("pgrep", "--full", f"^dockerd --data-root {self.directory}/data").split()
        return int(found[0])

    @contextlib.contextmanager
    def cut_off_from(self, *others: "Machine", port: str = "") -> Iterator[None]:
        """Drop every packet between this machine and these while the block runs; with a port, as in `udp/4789`, those
        to this port alone."""
        protocol, _, number = port.partition("/")
        match = ("-p", protocol, "--dport", number) if port else ()
        rules = [
            (chain, *match, way, other.address)
            for other in others
            # Packets of containers are forwarded: they pass neither of the other two chains.
            for chain, way in (("INPUT", "-s"), ("OUTPUT", "-d"), ("FORWARD", "-s"), ("FORWARD", "-d"))
        ]
        for rule in rules:
            self._filter("-I", *rule, "-j", "DROP")
        try:
            yield
        finally:
            for rule in rules:
                self._filter("-D", *rule, "-j", "DROP")

    def _filter(self, *words: str) -> None:
        run("nsenter", f"--net=/var/run/netns/{self.namespace}", "iptables", "--wait", *words)


def remove_orphans() -> None:
    """End the machines of runs that were killed, and remove what is left of them: their addresses are in the way."""
    for namespace in run("ip", "netns", "list").splitlines():
        name = namespace.split()[0]
        if is_orphan(name, MARK):
            for pid in run("ip", "netns", "pids", name).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            run("ip", "netns", "delete", name)
    for base in BASES:
        for directory in Path(base).glob("evs*"):
            if is_orphan(directory.name, MARK):
                shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def machines(network: str, count: int, spares: int, images: Path) -> Iterator[Sequence[Machine]]:
    """Machines with the addresses NETWORK.1, NETWORK.2 ..., which this machine reaches as NETWORK.254. So many run, and
    the spare ones after them do not. Each has the images of this archive, and nothing is left, whatever happens."""
    remove_orphans()
    mark = MARK.format(pid=os.getpid())
    switch = f"{mark}s"
    directory = Path(tempfile.mkdtemp(prefix=mark, dir=_base()))
    found = [
        Machine(
            name=f"machine-{number}",
            address=f"{network}.{number}",
            namespace=f"{mark}{number}",
            directory=directory / str(number),
            switch=switch,
        )
        for number in range(1, count + spares + 1)
    ]
    try:
        _make_switch(switch, mark, network)
        for machine in found:
            _plug_in(machine)
        _bring_images(found, images)
        with ThreadPoolExecutor(count) as threads:
            list(threads.map(Machine.boot, found[:count]))
        yield found
    finally:
        _remove(found, switch, directory)


def _bring_images(found: Sequence[Machine], images: Path) -> None:
    """The first machine unpacks them, and the others begin with a copy of what its engine has then: a fraction of the
    time that each engine needs to unpack them."""
    first, *others = found
    first.boot()
    first.docker("load", "--quiet", "--input", str(images), timeout_s=400)
    first.shut_down()
    for machine in others:
        machine.directory.mkdir()
        run("cp", "--archive", f"{first.directory}/data", str(machine.directory))


def _base() -> str:
    """Where engines have their data: in memory where there is enough of it, because images are unpacked for each. A
    short path: that of a socket has at most 107 characters."""
    in_memory, on_disk = BASES
    memory = os.statvfs(in_memory)
    return in_memory if memory.f_bavail * memory.f_frsize > MEMORY_BYTES else on_disk


def _make_switch(switch: str, mark: str, network: str) -> None:
    """A bridge in a namespace of its own, where no packet filter of an engine sees what passes; and a cable to here."""
    run("ip", "netns", "add", switch)
    run("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
    run("ip", "-n", switch, "link", "set", "br0", "up")
    run("ip", "link", "add", f"{mark}h", "type", "veth", "peer", "name", "here", "netns", switch)
    run("ip", "-n", switch, "link", "set", "here", "master", "br0", "up")
    run("ip", "address", "add", f"{network}.254/24", "dev", f"{mark}h")
    run("ip", "link", "set", f"{mark}h", "up")


def _plug_in(machine: Machine) -> None:
    namespace, switch, port = machine.namespace, machine.switch, machine.port
    run("ip", "netns", "add", namespace)
    run("ip", "-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace)
    run("ip", "-n", switch, "link", "set", port, "master", "br0", "up")
    run("ip", "-n", namespace, "link", "set", "lo", "up")
    run("ip", "-n", namespace, "address", "add", f"{machine.address}/24", "dev", "eth0")
    run("ip", "-n", namespace, "link", "set", "eth0", "up")
    # Every engine looks for a default route; none of this leads anywhere.
    run("ip", "-n", namespace, "route", "add", "default", "via", f"{machine.address.rpartition('.')[0]}.254")


def _remove(found: Sequence[Machine], switch: str, directory: Path) -> None:
    """Everything of these machines, as far as it is there."""
    for machine in found:
        machine.cut_power()
    for namespace in (*(machine.namespace for machine in found), switch):
        subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)
    for machine in found:
        for controller in Path("/sys/fs/cgroup").glob(f"*{machine.cgroup}"):
            _remove_cgroup(controller)
        _remove_cgroup(Path(f"/sys/fs/cgroup{machine.cgroup}"))
    shutil.rmtree(directory, ignore_errors=True)


def _remove_cgroup(top: Path) -> None:
    """A cgroup and those below it, as soon as the kernel has ended their processes."""
    end = time.monotonic() + CGROUP_TIMEOUT_S
    while top.exists() and time.monotonic() < end:
        for path, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(path).rmdir()
        time.sleep(0.05)
