"""What the mails about purchases say."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from shop.domain.events import EventType
from shop.domain.money import Money
from shop.domain.purchases import Purchase, Status
from shop.work.mail_samples import ORIGIN, Sample, sample_purchase, samples
from shop.work.mail_texts import MAILS, mail_text

SAMPLES = [*samples()]


@pytest.fixture
def purchase() -> Purchase:
    return sample_purchase(Status.PLACED)


def both(type: EventType, purchase: Purchase, **values: Money | None) -> list[str]:
    """The mail in plain text and in HTML."""
    text = mail_text(type, purchase, **values)
    return [text.plain, text.html]


def test_there_is_a_sample_of_each_kind():
    assert [sample.type for sample in SAMPLES] == [*MAILS]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.type)
def test_each_mail_has_lines_totals_and_a_link(sample: Sample):
    amounts = ("5.80 EUR", "11.90 EUR", "129.50 EUR", "147.20 EUR", "14.72 EUR", "4.90 EUR", "137.38 EUR")
    for text in (sample.text.plain, sample.text.html):
        for part in (*amounts, "Apples, 1 kg", "SPRING-10", f"{ORIGIN}/api/v1/purchases/", "Evergreen Stores"):
            assert part in text


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.type)
def test_no_mail_needs_what_a_program_may_block(sample: Sample):
    assert re.findall(r"<img|<script|<link|src=|url\(|@import|\son\w+=", sample.text.html) == []


def test_a_guest_gets_no_link_to_what_only_users_see(purchase: Purchase):
    for text in both(EventType.PURCHASE_PLACED, replace(purchase, user=None)):
        assert "/api/v1/" not in text


@pytest.mark.parametrize(
    ("type", "status", "is_said"),
    [
        (EventType.PURCHASE_PLACED, Status.PLACED, True),
        (EventType.PAYMENT_FAILED, Status.PLACED, True),
        (EventType.PURCHASE_PLACED, Status.PAID, False),
        (EventType.PURCHASE_CANCELLED, Status.CANCELLED, False),
    ],
)
def test_a_mail_says_until_when_to_pay_where_that_is_still_to_be_done(type: EventType, status: Status, is_said: bool):
    for text in both(type, sample_purchase(status)):
        assert ("can be paid until 2026-03-14 09:56 UTC" in text) is is_said


def test_a_part_that_is_sent_is_named():
    for text in both(EventType.PURCHASE_PARTIALLY_SHIPPED, sample_purchase(Status.PARTIALLY_SHIPPED)):
        assert "In this parcel: 2 x Apples, 1 kg; 1 x First flush" in text


def test_a_refund_says_how_much(purchase: Purchase):
    for text in both(EventType.PURCHASE_PARTIALLY_REFUNDED, purchase, refunded=Money(minor=123, currency="EUR")):
        assert "Refunded" in text and "1.23 EUR" in text


@pytest.mark.parametrize("refunded", [None, Money(minor=0, currency="EUR")])
def test_a_refund_outside_the_shop_has_no_amount(purchase: Purchase, refunded: Money | None):
    for text in both(EventType.PURCHASE_REFUNDED, purchase, refunded=refunded):
        assert "Refunded" not in text


def test_a_purchase_without_discount_and_shipping_has_a_total_alone(purchase: Purchase):
    plain, html = both(EventType.PURCHASE_PLACED, replace(purchase, discount=0, shipping=0))
    for name in ("Items", "Discount", "Shipping"):
        assert (f"{name}:" in plain, f">{name}" in html) == (False, False)


def test_a_hostile_name_is_text(purchase: Purchase):
    items = [replace(purchase.items[0], name='<img src="x">')]
    html = mail_text(EventType.PURCHASE_PLACED, replace(purchase, items=items)).html
    assert "&lt;img src=&quot;x&quot;&gt;" in html


def test_the_command_writes_each_mail_into_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    call_command("preview_mails", tmp_path / "mails")
    names = {path.name for path in (tmp_path / "mails").iterdir()}
    assert names == {"index.html", *(f"{type}.{ending}" for type in MAILS for ending in ("html", "txt"))}
    assert "8 mails" in capsys.readouterr().out


def test_a_directory_that_cannot_be_written_is_a_message(tmp_path: Path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("preview_mails", tmp_path / "file")
