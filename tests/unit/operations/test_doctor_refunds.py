"""The doctor says when providers refuse what is owed."""

from exactly_once.errors import StoreUnavailable
from operations.doctor.diagnosis import Level
from operations.doctor.refunds import refunds


def found(count_unrefunded):
    return [(line.level, line.check) for line in refunds(count_unrefunded)]


def test_a_shop_that_owes_nothing_is_well():
    assert found(lambda: 0) == [(Level.OK, "refunds")]


def test_payments_whose_refunds_are_refused_are_named():
    assert found(lambda: 2) == [(Level.WARNING, "refunds")]
    (line,) = refunds(lambda: 2)
    assert line.finding.startswith("2 payments owe money")


def test_a_store_that_does_not_answer_leaves_it_unknown():
    def fail() -> int:
        raise StoreUnavailable

    assert found(fail) == [(Level.UNKNOWN, "refunds")]
