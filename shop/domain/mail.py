"""Port to mail."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """A mail in plain text."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Sends mails in the background, so that the time of a request does not depend on whether there is one."""

    #: Whether the shop sends mail.
    is_on: bool
    #: The origin of links in mails.
    origin: str

    def enqueue(self, compose: Callable[[], Mail | None]) -> None:
        """Call `compose` in the background, and send what it returns. Dropped where too many wait."""
        ...
