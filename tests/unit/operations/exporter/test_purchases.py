"""How long unpaid purchases have been overdue, and how many refunds are refused, as metrics."""

from prometheus_client.registry import Collector

from exactly_once.errors import StoreUnavailable
from operations.exporter.purchases import RefusedRefundCollector, UnpaidPurchaseCollector


def samples(collector: Collector) -> list[tuple[str, float]]:
    return [(sample.name, sample.value) for metric in collector.collect() for sample in metric.samples]


def test_the_metric_is_asked_at_every_scrape_and_not_before():
    overdue_s = iter([0.0, 75.5])
    collector = UnpaidPurchaseCollector(lambda: next(overdue_s))
    assert collector.describe() == ()
    assert [samples(collector) for _ in range(2)] == [
        [("evergreen_unpaid_purchase_overdue_seconds", 0.0)],
        [("evergreen_unpaid_purchase_overdue_seconds", 75.5)],
    ]


def test_refunds_that_are_refused_are_counted_at_every_scrape():
    counts = iter([0, 2])
    collector = RefusedRefundCollector(lambda: next(counts))
    assert collector.describe() == ()
    assert [samples(collector) for _ in range(2)] == [
        [("evergreen_payments_refund_refused", 0)],
        [("evergreen_payments_refund_refused", 2)],
    ]


def test_a_store_that_does_not_answer_leaves_no_sample():
    def fail() -> int:
        raise StoreUnavailable

    assert samples(UnpaidPurchaseCollector(fail)) == samples(RefusedRefundCollector(fail)) == []
