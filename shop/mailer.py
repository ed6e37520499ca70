"""Mails by SMTP, from a thread with a bounded queue."""

import queue
import smtplib
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import NoReturn
from urllib.parse import urlsplit

import structlog

from shop import telemetry
from shop.domain.mail import Mail, Mailer

#: Mails that may wait in one process; the next one is dropped, and a customer who misses it asks once more.
MAX_QUEUED_MAILS = 200
#: Seconds that the mail server may take for each answer.
SMTP_TIMEOUT_S = 10.0
#: Seconds between the tries to send a mail.
RETRY_PAUSES_S = (1.0, 5.0)

_LOG = structlog.get_logger()


class NoMailer(Mailer):
    """The mailer of a shop that sends no mail."""

    is_on = False
    origin = ""

    def enqueue(self, compose: Callable[[], Mail | None]) -> None:
        """Do nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MailServer:
    """Where mails are sent: host and port, and how to log in. An empty `sender` is `shop@` the host of `origin`."""

    address: str
    origin: str
    user: str = ""
    password: str = ""
    must_encrypt: bool = True
    sender: str = ""

    def send(self, mail: Mail) -> None:
        """Raises: OSError, smtplib.SMTPException."""
        host, _, port = self.address.rpartition(":")
        with smtplib.SMTP(host.strip("[]"), int(port), timeout=SMTP_TIMEOUT_S) as session:
            if self.must_encrypt:
                session.starttls(context=ssl.create_default_context())
            if self.user:
                session.login(self.user, self.password)
            session.send_message(self.message(mail))

    def message(self, mail: Mail) -> EmailMessage:
        """The mail as it is sent."""
        host = urlsplit(self.origin).hostname or "localhost"
        message = EmailMessage()
        message["From"] = self.sender or f"shop@{host}"
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=host)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        return message


class SmtpMailer(Mailer):
    """Composes and sends mails one after the other, in a thread that the first one starts."""

    is_on = True

    def __init__(self, server: MailServer, max_queued: int = MAX_QUEUED_MAILS) -> None:
        self.origin = server.origin
        self._server = server
        self._queue: queue.Queue[Callable[[], Mail | None]] = queue.Queue(max_queued)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def enqueue(self, compose: Callable[[], Mail | None]) -> None:
        self._start()
        try:
            self._queue.put_nowait(compose)
        except queue.Full:
            telemetry.mail_handled("dropped")

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mail", daemon=True)
                self._thread.start()

    def _run(self) -> NoReturn:
        while True:
            try:
                mail = self._queue.get()()
                if mail is not None:
                    self._send(mail)
            except Exception as error:
                # Its text may have the address.
                telemetry.mail_handled("failed")
                _LOG.error("a mail was not sent", error=type(error).__name__)

    def _send(self, mail: Mail) -> None:
        """Raises: what the last try raised."""
        for pause_s in RETRY_PAUSES_S:
            try:
                return self._try(mail)
            except (OSError, smtplib.SMTPException):
                time.sleep(pause_s)
        return self._try(mail)

    def _try(self, mail: Mail) -> None:
        self._server.send(mail)
        telemetry.mail_handled("sent")
