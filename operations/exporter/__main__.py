"""`python -m operations.exporter`: serves /metrics, and counts what nginx sends of its access log."""

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured
from prometheus_client import (
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from configuration import ConfigurationError
from evergreen import logs
from exactly_once.client import Address
from operations.exporter import server
from operations.exporter.access_log import AccessLog, count_next, listener
from operations.exporter.certificates import CertificateCollector
from operations.exporter.denials import DenialsCollector
from operations.exporter.purchases import RefusedRefundCollector, UnpaidPurchaseCollector
from operations.exporter.store import StoreCollector

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")


def main() -> NoReturn:
    """Serve until it is ended."""
    given = _arguments()
    # When a series was created is used by no query, and would double their number.
    disable_created_metrics()
    registry = CollectorRegistry()
    access_log = AccessLog(registry)
    try:
        datagrams = listener(given.access_log)
        password = _watch_store(registry)
        server.start(given.listen, registry, password)
    except (OSError, ConfigurationError, ImproperlyConfigured) as error:
        sys.exit(f"The exporter cannot listen at {given.listen} and {given.access_log}, or find the store: {error}")
    logs.protect_standard_streams()
    while True:
        count_next(datagrams, access_log)


def _watch_store(registry: CollectorRegistry) -> str:
    """Register the metrics of the store, and return the password of scrapes."""
    from django.conf import settings

    from operations import bootstrap as operations_bootstrap
    from operations.backup.durations import parse_duration
    from operations.backup.telemetry import BackupMetrics, look_on
    from shop import bootstrap, expiry_worker, telemetry
    from shop.services.expiry import overdue_s

    settings.CONFIGURATION.require()
    registry.register(StoreCollector(bootstrap.topology_report, settings.EVERGREEN_REPLICAS))
    ttl = expiry_worker.ttl()
    registry.register(UnpaidPurchaseCollector(lambda: overdue_s(shop=bootstrap.get_shop(), ttl=ttl)))
    registry.register(RefusedRefundCollector(lambda: bootstrap.get_shop().payments.count_unrefunded()))
    if settings.EVERGREEN_CERTIFICATES:
        registry.register(CertificateCollector(Path(settings.EVERGREEN_CERTIFICATES)))
    registry.register(DenialsCollector(bootstrap.topology_report, bootstrap.container().cluster.nodes))
    target = settings.EVERGREEN_BACKUP_TARGET
    if target:
        age = parse_duration(settings.EVERGREEN_BACKUP_MAX_AGE)
        look_on(lambda: operations_bootstrap.backup_target(target), BackupMetrics(registry, age))
    registry.register(telemetry.WITHOUT_PRIMARY)
    registry.register(telemetry.LOG_LINES_DROPPED)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    # From here on it looks every second, so that no failover falls between two scrapes.
    bootstrap.watch_topology()
    password: str = settings.EVERGREEN_MONITORING_PASSWORD
    return password


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m operations.exporter", description=__doc__)
    parser.add_argument("--listen", type=_address, default="0.0.0.0:9200", help="where to be scraped, as host:port")
    parser.add_argument(
        "--access-log", type=_address, default="0.0.0.0:5514", help="where nginx sends its access log, as host:port"
    )
    return parser.parse_args()


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no address: write host:port") from error


if __name__ == "__main__":
    main()
