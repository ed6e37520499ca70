"""Faults in the shop itself, which the checker of the fault table must find."""

import pytest

from chaos import mix
from chaos.anomalies import Anomaly
from chaos.embedded import start
from chaos.faults import FAULTS
from chaos.history import CallKind
from chaos.run import Plan, run
from devstack import render
from tests.system.fault_rows import LAGGING, PLAN

pytestmark = pytest.mark.prove
NETWORK = "127.28"
#: Long enough for carts to be filled and bought, and for purchases to be paid.
BUYING = Plan(times=1, seconds=8, rate=100)


@pytest.fixture
def planted_row(monkeypatch, say):
    """The row of a fault on a topology whose instances have this one in them."""

    def row_with(module, fault, plan):
        monkeypatch.setattr(render, "APPLICATION", f"tests.planted.{module}")
        with start(NETWORK) as target:
            (row,), _ = run(target, [fault], plan, say)
        return row

    return row_with


@pytest.mark.usefixtures("root")
def test_writes_acknowledged_by_the_primary_alone_are_found_lost(planted_row):
    assert planted_row("wait_off", LAGGING, PLAN).count(Anomaly.LOST) > 0


def test_requests_carried_out_twice_are_found_when_an_instance_is_killed(planted_row):
    plan = Plan(times=2, seconds=1, rate=100)
    assert planted_row("request_ids_ignored", FAULTS["instance-killed"], plan).count(Anomaly.DOUBLED) > 0


def test_stock_taken_in_two_steps_is_found_oversold(planted_row):
    assert planted_row("stock_in_two_steps", FAULTS["nothing"], PLAN).count(Anomaly.OVERSOLD) > 0


def test_a_voucher_checked_and_then_redeemed_is_found_over_its_limit(planted_row, monkeypatch):
    # As many carts as other writes together: few of them are bought in a short load.
    monkeypatch.setitem(mix._SHARES, CallKind.CART, 40)
    assert planted_row("voucher_in_two_steps", FAULTS["nothing"], BUYING).count(Anomaly.OVER_LIMIT) > 0


def test_totals_of_webhooks_that_are_added_up_are_found_over_what_was_captured(planted_row):
    row = planted_row("webhook_totals_added", FAULTS["nothing"], BUYING)
    assert row.count(Anomaly.OVER_REFUNDED) > 0
    assert row.count(Anomaly.PAID_NOT_SOLD) > 0


def test_purchases_paid_by_a_declined_card_are_found_sold_and_not_paid(planted_row):
    assert planted_row("payment_by_any_answer", FAULTS["nothing"], BUYING).count(Anomaly.SOLD_NOT_PAID) > 0


def test_events_written_after_their_changes_are_found_missing_when_an_instance_is_killed(planted_row):
    plan = Plan(times=1, seconds=1, rate=40)
    assert planted_row("outbox_after_the_change", FAULTS["instance-killed"], plan).count(Anomaly.MISSING_EVENT) > 0


@pytest.mark.usefixtures("root")
def test_reads_from_a_replica_that_is_behind_are_found_stale(planted_row):
    # Few requests: a machine at its limit acknowledges nothing while the link is cut.
    plan = Plan(times=1, seconds=8, rate=40)
    assert planted_row("any_replica", FAULTS["link-to-replica"], plan).count(Anomaly.STALE) > 0
