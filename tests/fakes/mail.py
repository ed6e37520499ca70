"""A mailer that sends nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field

from shop.domain.mail import Mail, Mailer


@dataclass
class FakeMailer(Mailer):
    """Composes each mail at once. Off while `is_on` is False."""

    is_on: bool = False
    origin: str = "https://shop.example"
    sent: list[Mail] = field(default_factory=list)

    def enqueue(self, compose: Callable[[], Mail | None]) -> None:
        mail = compose()
        if mail is not None:
            self.sent.append(mail)
