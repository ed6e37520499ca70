"""Unpaid purchases and refunds that are refused as metrics, asked of the store at every scrape."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exactly_once import Unavailable


class UnpaidPurchaseCollector(Collector):
    """For how long the earliest unpaid purchase has been overdue. Without an answer of the store there is no sample."""

    def __init__(self, overdue_s: Callable[[], float]) -> None:
        self._overdue_s = overdue_s

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that no node is asked before the first scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The metric of a look at the store."""
        try:
            overdue_s = self._overdue_s()
        except Unavailable:
            return
        yield GaugeMetricFamily(
            "evergreen_unpaid_purchase_overdue_seconds",
            "Seconds since the earliest unpaid purchase should have been cancelled; 0 where none is overdue.",
            value=overdue_s,
        )


class RefusedRefundCollector(Collector):
    """How many payments owe money that the provider refuses to refund. Without an answer of the store there is no
    sample."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that no node is asked before the first scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The metric of a look at the store."""
        try:
            count = self._count()
        except Unavailable:
            return
        yield GaugeMetricFamily(
            "evergreen_payments_refund_refused",
            "Payments that owe money whose refunds the provider has refused again and again.",
            value=count,
        )
