"""Sessions: the live tokens of a user, as the user sees them."""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from uuid import UUID

#: Of one user. A sign-in beyond them ends the oldest.
MAX_LIVE_TOKENS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A live token. `created_at` is None for a token of an earlier version, `last_used_at` where no use is recorded."""

    id: str
    digest: str = field(repr=False)
    created_at: datetime | None
    last_used_at: datetime | None
    expires_at: datetime
    is_current: bool


def session_id(digest: str) -> str:
    """Return the id of the session whose token has this digest. It does not reveal the digest."""
    return str(UUID(bytes=sha256(digest.encode()).digest()[:16]))
