"""Recorded outcomes of writes, as the user sees them whose data they hold."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shop.domain.pages import Page, Position


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedOutcome:
    """An outcome that a repeat of the request would get until it expires."""

    request_id: str
    expires_at: datetime


class OutcomeRepository(Protocol):
    """The recorded outcomes that hold data of a user."""

    def outcomes(self, user: str, size: int, position: Position | None) -> Page[RecordedOutcome]:
        """List the recorded outcomes that hold data of this user, the first to expire first; forwards alone. One that
        stays during the walk is listed once.

        Raises: StoreUnavailable."""
        ...
