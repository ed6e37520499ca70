"""A mail server's end: what arrived."""

from email import message_from_bytes, policy
from typing import Any


class Mailbox:
    """Takes every mail. `server` is where it listens."""

    def __init__(self) -> None:
        self.server = ""
        self.subjects: list[str] = []
        self.texts: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Called by the mail server for each mail."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.subjects.append(mail["Subject"])
        self.texts.append(mail.get_body().get_content())
        return "250 Message accepted for delivery"

    def has(self, *words: str) -> bool:
        """Whether there is a mail with all these words in its subject."""
        return any(all(word in subject for word in words) for subject in self.subjects)
