"""When the certificates between the tiers end, as metrics."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from operations import certificates


class CertificateCollector(Collector):
    """The end of each certificate in a directory, read at every scrape."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that no file is read before the first scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The metric of one look at the directory."""
        family = GaugeMetricFamily(
            "evergreen_certificate_expiry_timestamp_seconds", "When a certificate ends.", labels=["certificate"]
        )
        for expiry in certificates.expiries(self._directory):
            family.add_metric([expiry.name], expiry.at.timestamp())
        yield family
