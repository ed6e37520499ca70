"""What runs where: the names, addresses and paths of the embedded topology."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from agents.secrets import Secrets
from devstack.settings import Settings
from exactly_once.client import Address
from exactly_once.credentials import Credentials

REDIS_PORT = 6379
SENTINEL_PORT = 26379
#: Of as many as there can be.
REDIS_HOSTS = (11, 12, 13, 14, 15)
SENTINEL_HOSTS = (21, 22, 23, 24, 25)
INSTANCES = ("api-1", "api-2")
WORKERS = ("worker-1", "worker-2")
NGINX = "nginx"
#: The log of commands, beside those of the processes.
COMMANDS = "commands"
# nginx calls the instances at their sockets. Prometheus, which cannot, asks nginx for their metrics at these addresses.
INSTANCE_HOSTS = (31, 32)
INSTANCE_PORT = 18000
#: Where workers serve their metrics, and from which they call the store.
WORKER_HOSTS, WORKER_PORT = (61, 62), 19201
#: Where the process that makes backups serves its metrics, and from which it calls the store.
BACKUP, BACKUP_HOST, BACKUP_PORT = "backup", 63, 19202
EXPORTER = "exporter"
#: Monitoring: name, host and port. Not the usual ports: a package of the system may have started a server there that
#: listens on every address.
MONITORS = {
    EXPORTER: (41, 19200),
    "exporter-redis": (42, 19121),
    "exporter-nginx": (43, 19113),
    "exporter-node": (44, 19100),
    "prometheus": (51, 19090),
    "alertmanager": (52, 19093),
}
ACCESS_LOG_PORT = 15514
#: The socket at which an nginx that can count its connections says so.
NGINX_STATUS = "nginx-status"
SHARED_MEMORY = Path("/dev/shm")
#: Characters of a socket's path, on the systems that this runs on; its name takes some of them.
MAX_SOCKET_PATH = 103
MAX_SOCKET_DIRECTORY = MAX_SOCKET_PATH - len("/exporter-sentinel.sock")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The topology that these settings describe."""

    settings: Settings

    @property
    def run(self) -> Path:
        return self.settings.run

    @property
    def logs(self) -> Path:
        return self.run / "logs"

    @property
    def redis(self) -> dict[str, Address]:
        """The data nodes by name; the first is the primary of a new store."""
        return self._addresses("redis", REDIS_HOSTS[: self.settings.data_nodes], REDIS_PORT)

    @property
    def sentinels(self) -> dict[str, Address]:
        return self._addresses("sentinel", SENTINEL_HOSTS[: self.settings.sentinels], SENTINEL_PORT)

    @property
    def largest(self) -> "Layout":
        """The same topology with as many data nodes and Sentinels as there can be."""
        return self.scaled(len(REDIS_HOSTS), len(SENTINEL_HOSTS))

    def scaled(self, data_nodes: int, sentinels: int) -> "Layout":
        """The same topology with so many data nodes and Sentinels."""
        return replace(self, settings=replace(self.settings, data_nodes=data_nodes, sentinels=sentinels))

    @property
    def instances(self) -> dict[str, Address]:
        """Where nginx passes the metrics of each API instance on; from the same hosts the instances call the store."""
        return self._addresses("api", INSTANCE_HOSTS, INSTANCE_PORT)

    @property
    def workers(self) -> dict[str, Address]:
        """Where each worker serves its metrics; from the same hosts the workers call the store."""
        return self._addresses("worker", WORKER_HOSTS, WORKER_PORT)

    @property
    def schedules(self) -> dict[str, Address]:
        """Where the process that makes backups serves its metrics; none where the stack makes no backups."""
        address = Address(f"{self.settings.network}.{BACKUP_HOST}", BACKUP_PORT)
        return {BACKUP: address} if self.settings.backups.target else {}

    @property
    def monitors(self) -> dict[str, Address]:
        """The exporters, Prometheus and Alertmanager, where they are installed."""
        network = self.settings.network
        return {name: Address(f"{network}.{host}", port) for name, (host, port) in MONITORS.items()}

    @property
    def access_log(self) -> Address:
        """Where nginx sends a datagram about each request, to be counted."""
        return Address(self.monitors[EXPORTER].host, ACCESS_LOG_PORT)

    @property
    def nginx(self) -> Address:
        return Address("127.0.0.1", self.settings.port)

    @property
    def url(self) -> str:
        return f"http://{self.nginx}"

    @property
    def names(self) -> tuple[str, ...]:
        """Every process, in the order in which they depend on each other."""
        return (*self.redis, *self.sentinels, *INSTANCES, *WORKERS, NGINX, *self.schedules, *MONITORS)

    @property
    def supervisor_socket(self) -> Path:
        return self.run / "supervisor.sock"

    def definition(self, name: str) -> Path:
        """The file with the program of this process, where it is not the one that its supervisor was started with."""
        return self.definitions / f"{name}.json"

    @property
    def definitions(self) -> Path:
        return self.run / "definitions"

    def record(self, name: str) -> Path:
        """Where the id of this process is recorded."""
        return self.pids / name

    @property
    def pids(self) -> Path:
        return self.run / "pids"

    @property
    def lock(self) -> Path:
        """The file that is locked by whichever process starts the stack."""
        return self.run / "lock"

    @property
    def secrets(self) -> Secrets:
        """The passwords of the users of data nodes and Sentinels, and the lists of these users."""
        return Secrets(self.run / "secrets", self.authority)

    @property
    def operator(self) -> Credentials:
        """As whom commands call data nodes and Sentinels."""
        return self.secrets.credentials("operator")

    @property
    def revision_key(self) -> str:
        return f"{{{self.settings.store}}}:revision"

    @property
    def mails(self) -> Path:
        """The directory of the mails about purchases, where no mail server is set."""
        return self.run / "mails"

    @property
    def memory(self) -> Path:
        """The directory of files that processes map into their memory, on a file system in memory where there is one: a
        write to such a file ends the process where the disk below it is full."""
        name = hashlib.sha256(str(self.run.resolve()).encode()).hexdigest()[:16]
        return SHARED_MEMORY / f"evergreen-{name}" if SHARED_MEMORY.is_dir() else self.run / "memory"

    @property
    def nginx_cache(self) -> Path:
        """The directory of the answers that nginx caches: in memory, or a full disk would break them."""
        return self.memory / "nginx-cache"

    def directory(self, name: str) -> Path:
        """The directory of this process."""
        return self.run / name

    @property
    def sockets(self) -> Path:
        """The directory of the sockets, closed to other users. In memory where the path of one would be too long below
        the run directory."""
        directory = self.run / "sockets"
        return directory if len(str(directory)) <= MAX_SOCKET_DIRECTORY else self.memory / "sockets"

    def socket(self, name: str) -> Path:
        """The socket at which this API instance, exporter or part of nginx is called."""
        return self.sockets / f"{name}.sock"

    @property
    def certificates(self) -> Path:
        """The directory of the certificates."""
        return self.run / "certificates"

    @property
    def authority(self) -> Path | None:
        """The certificate of the authority of the stack; None where it is without TLS."""
        return self.certificates / "ca.pem" if self.settings.tls else None

    @property
    def scheme(self) -> str:
        """How nginx calls instances."""
        return "https" if self.settings.tls else "http"

    def certificate(self, name: str) -> Path:
        """Directory and name of this process's certificate."""
        return self.certificates / name

    @property
    def monitoring_password(self) -> Path:
        """The file with the password of the monitoring."""
        return self.run / "monitoring_password"

    def log(self, name: str) -> Path:
        """The log of this process."""
        return self.logs / f"{name}.log"

    def address(self, name: str) -> str:
        """Where this process is called, to be shown."""
        known = {
            **self.redis,
            **self.sentinels,
            **self.workers,
            NGINX: self.nginx,
            **self.schedules,
            **self.monitors,
        }
        return str(known[name]) if name in known else f"unix:{self.socket(name)}"

    def _addresses(self, kind: str, hosts: tuple[int, ...], port: int) -> dict[str, Address]:
        network = self.settings.network
        return {f"{kind}-{number}": Address(f"{network}.{host}", port) for number, host in enumerate(hosts, 1)}
