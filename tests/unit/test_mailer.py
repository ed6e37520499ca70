"""Mails over SMTP, and the queue before it."""

import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from devstack.temporary import free_port
from shop import mailer as mailer_module
from shop import telemetry
from shop.domain.mail import Mail
from shop.mailer import MailServer, NoMailer, SmtpMailer
from tests.stack_fixtures import wait_until

MAIL = Mail(to="ada@example.com", subject="Hello", text="A line.\n\nhttps://shop.example/#token\n")


class Mailbox:
    """Takes every mail, or refuses the first ones."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refusals = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusals:
            self.refusals -= 1
            return "451 Try again"
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    monkeypatch.setattr(mailer_module, "RETRY_PAUSES_S", (0.01, 0.01))
    mailbox, port = Mailbox(), free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield SimpleNamespace(mailbox=mailbox, address=f"127.0.0.1:{port}")
    controller.stop()


def a_mailer(address: str, **changes: Any) -> SmtpMailer:
    server = MailServer(address=address, origin="https://shop.example", must_encrypt=False, **changes)
    return SmtpMailer(server, max_queued=2)


def count(outcome: str) -> float:
    return telemetry.MAILS.labels(outcome)._value.get()


def test_a_mail_arrives_as_it_was_written(server):
    a_mailer(server.address).enqueue(lambda: MAIL)
    wait_until(lambda: server.mailbox.mails)
    (mail,) = server.mailbox.mails
    assert (mail["To"], mail["From"], mail["Subject"]) == ("ada@example.com", "shop@shop.example", "Hello")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == MAIL.text


def test_a_mail_that_is_refused_for_now_is_sent_again(server):
    server.mailbox.refusals = 2
    a_mailer(server.address, sender="noreply@shop.example").enqueue(lambda: MAIL)
    wait_until(lambda: server.mailbox.mails)
    assert server.mailbox.mails[0]["From"] == "noreply@shop.example"


def test_a_mail_server_that_must_encrypt_and_cannot_gets_nothing(server):
    failed = count("failed")
    mailer = SmtpMailer(MailServer(address=server.address, origin="https://shop.example"))
    mailer.enqueue(lambda: MAIL)
    wait_until(lambda: count("failed") == failed + 1)
    assert server.mailbox.mails == []


def test_the_thread_outlives_what_fails_and_what_has_no_mail(server):
    mailer = a_mailer(server.address)
    for compose in (lambda: 1 // 0, lambda: None, lambda: MAIL):
        mailer.enqueue(compose)
        wait_until(lambda: mailer._queue.empty())
    wait_until(lambda: server.mailbox.mails)


def test_a_queue_that_is_full_drops_mails_and_holds_nobody_up(server):
    mailer, dropped, held, go = a_mailer(server.address), count("dropped"), threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go.wait(20)

    mailer.enqueue(hold)
    assert held.wait(20)
    for _ in range(3):
        mailer.enqueue(lambda: MAIL)
    assert count("dropped") == dropped + 1
    go.set()
    wait_until(lambda: len(server.mailbox.mails) == 2)


def test_an_address_cannot_add_headers(server):
    with pytest.raises(ValueError, match="linefeed"):
        MailServer(address=server.address, origin="https://shop.example").message(
            Mail(to="ada@example.com\nBcc: eve@example.com", subject="Hello", text="")
        )


def test_a_shop_without_a_mail_server_sends_nothing():
    mailer = NoMailer()
    mailer.enqueue(lambda: MAIL)
    assert not mailer.is_on
