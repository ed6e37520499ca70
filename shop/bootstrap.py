"""The composition root: from settings to a shop that works. Nothing is made before it is asked for."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from django.conf import settings

from exactly_once import reads, writes
from exactly_once.bulkhead import Bulkhead
from exactly_once.client import Address, Nodes
from exactly_once.failover_safety import Confirmation
from exactly_once.reads import Reader
from exactly_once.sentinels import Sentinels
from exactly_once.topology import Fence, Topology
from exactly_once.topology_report import TopologyReport
from exactly_once.writes import Durability, Writer
from operations.backup.backups import Backups
from operations.backup.restore import Restorer
from operations.backup.snapshot import Snapshots
from operations.doctor import diagnoses
from operations.doctor.diagnosis import Diagnosis
from operations.doctor.facts import Facts, gathered
from operations.doctor.stale_entries import StaleEntries
from operations.status.membership import Instances
from operations.status.snapshot import Picture
from operations.status.traffic import TrafficMeter
from operations.store_audit import Auditor
from shop.clock import SystemClock, UuidIds
from shop.domain.errors import StoreUnavailable
from shop.domain.ports import Shop
from shop.passwords import Argon2Passwords
from shop.repositories.existence import Presence
from shop.repositories.keys import Keys
from shop.repositories.products import RedisProductRepository
from shop.repositories.purchases import RedisPurchaseRepository
from shop.repositories.scripts import shop_scripts
from shop.repositories.users import RedisUserRepository
from shop.services.purchases import purchase_sales
from shop.tokens import HmacTokenSecrets


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """Where a shop's store is, and how safe its writes are to be; `server` is the program that copies of the store are
    looked at with, the one installed with the project where it is empty. `source` is the address from which the store
    is called; `instance` is who this is."""

    store: str
    master_name: str
    sentinels: Sequence[tuple[str, int]]
    replicas: int = 2
    durability: str = "replicated"
    max_waiting_writes: int = 400
    wait_ms: int = 150
    read_timeout_ms: int = 250
    max_concurrent_hashes: int = 2
    max_queued_hashes: int = 64
    secret_key: str = ""
    server: str = ""
    source: str = ""
    instance: str = ""


class Assembly:
    """A shop, and the parts below it that commands and health checks need."""

    def __init__(self, configuration: Configuration) -> None:
        self.nodes = Nodes(configuration.source)
        self.keys = Keys(configuration.store)
        addresses = [Address(host, port) for host, port in configuration.sentinels]
        sentinels = Sentinels(addresses, configuration.master_name, self.nodes)
        fence, scripts = Fence(), shop_scripts()
        self.topology = Topology(sentinels, self.nodes, fence, self.keys.fence, configuration.replicas)
        self.reader = Reader(nodes=self.nodes, topology=self.topology, scripts=scripts, keys=self.keys, fence=fence)
        self.writer = Writer(
            reader=self.reader,
            nodes=self.nodes,
            topology=self.topology,
            scripts=scripts,
            keys=self.keys,
            fence=fence,
            durability=Durability(configuration.durability),
            replicas=configuration.replicas,
            bulkhead=Bulkhead(configuration.max_waiting_writes),
            confirmed=Confirmation(sentinels, self.nodes, configuration.replicas),
        )
        self.presence = Presence(self.reader, self.keys)
        self.snapshots = Snapshots(
            topology=self.topology,
            nodes=self.nodes,
            reader=self.reader,
            keys=self.keys,
            program=configuration.server,
        )
        self.auditor = Auditor(self.snapshots, self.keys)
        self.restorer = Restorer(topology=self.topology, keys=self.keys, replicas=configuration.replicas)
        self.instances = Instances(
            configuration.instance, self.keys.instances, self.nodes, self.topology, TrafficMeter().measure
        )
        _set_engine_timeouts(configuration)
        self.shop = self._shop(configuration)

    def close(self) -> None:
        """Ends its thread and its connections."""
        self.instances.close()
        self.topology.close()
        self.nodes.close()

    def _shop(self, configuration: Configuration) -> Shop:
        return Shop(
            clock=SystemClock(),
            ids=UuidIds(),
            passwords=Argon2Passwords(configuration.max_concurrent_hashes, configuration.max_queued_hashes),
            secrets=HmacTokenSecrets(configuration.secret_key),
            users=RedisUserRepository(self.reader, self.writer, self.keys),
            products=RedisProductRepository(self.reader, self.writer, self.keys),
            purchases=RedisPurchaseRepository(self.reader, self.writer, self.keys),
        )


def _set_engine_timeouts(configuration: Configuration) -> None:
    # They hold for the process: a process has one store.
    writes.WAIT = configuration.wait_ms
    reads.TIMEOUT = configuration.read_timeout_ms / 1000


_lock = threading.Lock()


@cache
def _assembled() -> Assembly:
    return Assembly(
        Configuration(
            store=settings.EVERGREEN_STORE,
            master_name=settings.REDIS_MASTER_NAME,
            sentinels=settings.REDIS_SENTINELS,
            replicas=settings.EVERGREEN_REPLICAS,
            durability=settings.EVERGREEN_DURABILITY,
            max_waiting_writes=settings.EVERGREEN_MAX_WAITING_WRITES,
            wait_ms=settings.EVERGREEN_WAIT_MS,
            read_timeout_ms=settings.EVERGREEN_READ_TIMEOUT_MS,
            max_concurrent_hashes=settings.EVERGREEN_MAX_CONCURRENT_HASHES,
            max_queued_hashes=settings.EVERGREEN_MAX_QUEUED_HASHES,
            secret_key=settings.SECRET_KEY,
            server=settings.EVERGREEN_REDIS_SERVER,
            source=settings.EVERGREEN_SOURCE_ADDRESS,
            instance=settings.EVERGREEN_INSTANCE,
        )
    )


def assembly() -> Assembly:
    """The process's own, made by whoever asks first."""
    with _lock:
        return _assembled()


def get_shop() -> Shop:
    """The shop that the settings describe."""
    return assembly().shop


def backups() -> Backups:
    """The backups of the shop that the settings describe. They can be opened where no store is."""
    store = settings.EVERGREEN_STORE
    return Backups(keys=Keys(store), store=store, program=settings.EVERGREEN_REDIS_SERVER)


def inspection() -> Sequence[Diagnosis]:
    """What is right and what is not with the store that the settings name."""
    return list(diagnoses(_facts()))


def stale_entries() -> StaleEntries:
    """What its Sentinels remember of servers that are gone."""
    return StaleEntries(_facts, settings.REDIS_MASTER_NAME)


def _facts() -> Facts:
    return gathered(
        sentinels=[Address(host, port) for host, port in settings.REDIS_SENTINELS],
        name=settings.REDIS_MASTER_NAME,
        fence_key=Keys(settings.EVERGREEN_STORE).fence,
        replicas=settings.EVERGREEN_REPLICAS,
        durability=settings.EVERGREEN_DURABILITY,
    )


def topology_report() -> TopologyReport:
    """The store as each part of it answers now."""
    return assembly().topology.report()


def watch_topology() -> None:
    """Begins to look at the store every second, as the first question does."""
    _ = assembly().topology.view


def announce() -> None:
    """Tells the other instances from now on that this one is there, and begins to hear of them."""
    assembly().instances.start()


def take_leave() -> None:
    """Tells the other instances that this one goes."""
    assembly().instances.close()


def picture() -> Picture:
    """The shop as this instance sees it now."""
    found = assembly()
    try:
        sales = purchase_sales(shop=found.shop)
    except StoreUnavailable:
        sales = None
    return Picture(
        at=found.shop.clock.now(),
        seen_by=settings.EVERGREEN_INSTANCE,
        topology=found.topology.report(),
        instances=found.instances.known(),
        rates=found.instances.rates(),
        sales=sales,
        failovers=found.instances.failovers(),
    )


def is_cut_off() -> bool:
    """Whether too few Sentinels answer this process for it to know what the others do: a look at what is known."""
    return not assembly().topology.view.is_certain


def can_read() -> bool:
    """Whether any data node answers."""
    return assembly().reader.can_read()
