"""Mails to customers, from a request at the edge proxy to the mailbox and back."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller

from configuration import accounts
from devstack import lifecycle
from devstack.temporary import RunningStack, free_port, running
from tests.stack_fixtures import wait_until

ORIGIN = "https://shop.example"
PASSWORD, NEW = "correct horse", "Tr0ubador & three"
ADA = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Byron", "password": PASSWORD}


class Mailbox:
    """Takes every mail."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def next(self, subject: str) -> str:
        """The text of the one mail that has come, which is taken out."""
        wait_until(lambda: bool(self.mails))
        mail = self.mails.pop()
        assert (mail["Subject"], mail["To"], self.mails) == (subject, "ada@example.com", [])
        text: str = mail.get_content()
        return text


@pytest.fixture(scope="module")
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    mailbox, port = Mailbox(), free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield mailbox, port
    controller.stop()


@pytest.fixture(scope="module")
def mailing(mailbox: tuple[Mailbox, int]) -> Iterator[RunningStack]:
    variables = {
        accounts.SMTP.name: f"127.0.0.1:{mailbox[1]}",
        accounts.SMTP_TLS.name: "off",
        accounts.PUBLIC_URL.name: ORIGIN,
    }
    with running("127.44", lifecycle.EVERYTHING, shop_variables=variables) as stack:
        stack.wait_until_serving()
        yield stack


def token(text: str, path: str) -> str:
    found = re.search(rf"{ORIGIN}{path}#(\S+)", text)
    assert found
    return found[1]


def test_a_customer_registers_resets_the_password_and_is_told_apart_from_nobody(
    mailing: RunningStack, mailbox: tuple[Mailbox, int]
):
    mails = mailbox[0]
    with httpx.Client(base_url=f"{mailing.base_url}/api/v1", timeout=20) as client:

        def log_in(password: str) -> int:
            return client.post("/auth/token/", json={"email": ADA["email"], "password": password}).status_code

        first = client.post("/users/", json=ADA)
        secret = token(mails.next("Confirm your registration"), "/api/registration/")
        assert log_in(PASSWORD) == 401
        confirmed = client.post("/users/confirm/", json={"token": secret, "password": PASSWORD})
        assert (first.status_code, confirmed.status_code, log_in(PASSWORD)) == (202, 201, 200)

        second = client.post("/users/", json=ADA)
        assert (second.status_code, second.content) == (first.status_code, first.content)
        assert "#" not in mails.next("You already have an account")

        asked = [
            client.post("/auth/password-reset/", json={"email": email})
            for email in ("nobody@example.com", ADA["email"])
        ]
        assert {(answer.status_code, answer.content) for answer in asked} == {(202, asked[0].content)}
        secret = token(mails.next("Set a new password"), "/api/password-reset/")
        body = {"token": secret, "new_password": NEW}
        assert client.post("/auth/password-reset/confirm/", json=body).status_code == 204
        assert [log_in(PASSWORD), log_in(NEW)] == [401, 200]
        assert client.post("/auth/password-reset/confirm/", json=body).status_code == 400

    logs = "".join(mailing.log(name) for name in ("api-1", "api-2", "nginx"))
    assert (secret in logs, ADA["email"] in logs) == (False, False)
