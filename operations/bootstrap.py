"""The composition root of operations: on the container of the shop that the settings describe."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from agents import announcement, resizing
from configuration.backups import S3_SCHEME
from exactly_once.client import Address
from exactly_once.errors import StoreUnavailable
from operations.backup import s3_client
from operations.backup.backups import Backups
from operations.backup.directory import BackupDirectory
from operations.backup.restore import Restorer
from operations.backup.s3 import S3Target
from operations.backup.snapshot import Snapshots
from operations.backup.targets import BackupTarget
from operations.doctor import diagnoses
from operations.doctor.attempts import attempts
from operations.doctor.deliveries import deliveries
from operations.doctor.diagnosis import Diagnosis
from operations.doctor.facts import Facts, collect_facts
from operations.doctor.refunds import refunds
from operations.doctor.stale_entries import StaleEntries
from operations.status.instances import Role, Traffic
from operations.status.membership import Membership
from operations.status.open_files import read_open_files
from operations.status.snapshot import StatusSnapshot
from operations.status.traffic import TrafficMeter
from operations.store_audit import Auditor
from shop import telemetry
from shop.bootstrap import Container, container, credentials, topology_report
from shop.repositories.keys import Keys
from shop.services.purchases import purchase_sales


def snapshots(parts: Container, program: str = "") -> Snapshots:
    """Copy of a shop's store; `program` is the server that loads them, the installed one where it is empty."""
    return Snapshots(cluster=parts.cluster, store=parts.store, keys=parts.keys, program=program)


def auditor(parts: Container, program: str = "") -> Auditor:
    """The audit of a shop's store."""
    return Auditor(snapshots(parts, program), parts.keys)


def restorer(parts: Container) -> Restorer:
    """Fill an empty store from a backup."""
    return Restorer(cluster=parts.cluster, keys=parts.keys)


def backups(*, is_plain: bool = False) -> Backups:
    """The backups of the shop that the settings describe, encrypted to the recipients there unless `is_plain`. They can
    be opened where no store is."""
    store = settings.EVERGREEN_STORE
    return Backups(
        keys=Keys(store),
        store=store,
        program=settings.EVERGREEN_REDIS_SERVER,
        recipients=() if is_plain else settings.EVERGREEN_BACKUP_RECIPIENTS,
    )


def backup_target(text: str) -> BackupTarget:
    """The target of this name: a directory, or s3://bucket/prefix, for backups of the shop that the settings describe.
    Raises TargetUnusable."""
    store = settings.EVERGREEN_STORE
    if not text.startswith(S3_SCHEME):
        return BackupDirectory(Path(text), store)
    location = s3_client.parse_location(text)
    return S3Target(s3_client.connect(_s3_settings()), location, store)


def open_backup(text: str) -> BinaryIO:
    """The backup of this name as a stream: a file, an object of s3://bucket/prefix/, or the word `newest` in the place
    of its name. Raises TargetUnusable, OSError."""
    target, _, name = text.rpartition("/")
    if text.startswith(S3_SCHEME):
        return backup_target(target).open(name)
    path = Path(text)
    return BackupDirectory(path.parent, settings.EVERGREEN_STORE).open(path.name)


def _s3_settings() -> s3_client.S3Settings:
    return s3_client.S3Settings(
        endpoint=settings.EVERGREEN_S3_ENDPOINT,
        region=settings.EVERGREEN_S3_REGION,
        access_key=settings.EVERGREEN_S3_ACCESS_KEY,
        secret_key=settings.EVERGREEN_S3_SECRET_KEY,
        ca_file=settings.EVERGREEN_S3_CA_FILE,
    )


def diagnose_store() -> Sequence[Diagnosis]:
    """Hold the store that the settings name against every rule of the doctor, and try to read and to write."""
    parts = container()
    shop = parts.shop
    of_work = (*deliveries(shop.deliveries.outlook), *refunds(shop.payments.count_unrefunded))
    return [*diagnoses(_facts()), *attempts(parts.store), *of_work]


def stale_entries() -> StaleEntries:
    """The stale entries of the Sentinels."""
    return StaleEntries(_facts, settings.REDIS_MASTER_NAME, credentials())


def announce_replica(replica: Address) -> None:
    """Return when every process counts this replica, which is to be added. Raises NotAnnounced."""
    sentinels = [Address(host, port) for host, port in settings.REDIS_SENTINELS]
    announcement.announce(replica, sentinels, settings.REDIS_MASTER_NAME, credentials())


def sentinel_group(count: int | None = None) -> resizing.SentinelGroup:
    """The Sentinels that the settings name; the first so many where `count` is given."""
    addresses = [Address(host, port) for host, port in settings.REDIS_SENTINELS]
    return resizing.SentinelGroup(
        addresses=addresses[:count], name=settings.REDIS_MASTER_NAME, credentials=credentials()
    )


def wait_until_spare(node: Address) -> None:
    """Return when this data node is not the primary, and all others of the settings are in step with it. Raises
    NotReached."""

    def is_spare() -> bool:
        report = topology_report()
        others = [each for each in report.nodes if each.address != str(node) and each.link == "connected"]
        return report.primary not in (None, str(node)) and len(others) >= settings.EVERGREEN_REPLICAS - 1

    resizing.wait_until(is_spare, f"not every data node but {node} is in step with a primary: see `doctor`")


def _facts() -> Facts:
    return collect_facts(
        sentinels=[Address(host, port) for host, port in settings.REDIS_SENTINELS],
        name=settings.REDIS_MASTER_NAME,
        revision_key=Keys(settings.EVERGREEN_STORE).revision,
        replicas=settings.EVERGREEN_REPLICAS,
        durability=settings.EVERGREEN_DURABILITY,
        credentials=credentials(),
    )


@cache
def membership(role: Role = Role.API) -> Membership:
    """The instances of the shop, of which this process is one."""
    parts = container()
    meter = TrafficMeter()

    def measure() -> Traffic:
        used, limit = read_open_files()
        max_writes = settings.EVERGREEN_MAX_WAITING_WRITES
        telemetry.limits_measured(max_writes=max_writes, open_files=used, max_open_files=limit)
        return meter.measure()

    return Membership(settings.EVERGREEN_INSTANCE, parts.keys.instances, parts.cluster, measure, role)


def announce() -> None:
    """Begin to publish heartbeats to the other instances, and to receive theirs."""
    membership().start()


def leave() -> None:
    """Publish the last heartbeat of this instance."""
    membership().close()


@contextmanager
def announced_worker() -> Iterator[None]:
    """Publish the heartbeats of a worker while the block runs, and its last one at the end."""
    member = membership(Role.WORKER)
    member.start()
    try:
        yield
    finally:
        member.close()


def status_snapshot() -> StatusSnapshot:
    """The shop as this instance sees it now."""
    parts, instances = container(), membership()
    try:
        sales = purchase_sales(shop=parts.shop)
    except StoreUnavailable:
        sales = None
    return StatusSnapshot(
        at=parts.shop.clock.now(),
        seen_by=settings.EVERGREEN_INSTANCE,
        topology=parts.cluster.report(),
        instances=[each for each in instances.known() if each.role is Role.API],
        workers=[each for each in instances.known() if each.role is Role.WORKER],
        rates=instances.rates(),
        sales=sales,
        failovers=instances.failovers(),
    )
