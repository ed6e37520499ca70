"""How long unpaid purchases have been overdue, as a metric."""

from exactly_once.errors import StoreUnavailable
from operations.exporter.purchases import UnpaidPurchaseCollector


def samples(collector: UnpaidPurchaseCollector) -> list[tuple[str, float]]:
    return [(sample.name, sample.value) for metric in collector.collect() for sample in metric.samples]


def test_the_metric_is_asked_at_every_scrape_and_not_before():
    overdue_s = iter([0.0, 75.5])
    collector = UnpaidPurchaseCollector(lambda: next(overdue_s))
    assert collector.describe() == ()
    assert [samples(collector) for _ in range(2)] == [
        [("evergreen_unpaid_purchase_overdue_seconds", 0.0)],
        [("evergreen_unpaid_purchase_overdue_seconds", 75.5)],
    ]


def test_a_store_that_does_not_answer_leaves_no_sample():
    def fail() -> float:
        raise StoreUnavailable

    assert samples(UnpaidPurchaseCollector(fail)) == []
