"""The recorded outcomes of a user in Redis."""

from datetime import UTC, datetime

from exactly_once import Store
from shop.domain.outcomes import OutcomeRepository, RecordedOutcome
from shop.domain.pages import Page, Position
from shop.repositories.keys import Keys

#: Of one page. An outcome may be as long as a purchase of 100 lines, and the script reads each.
MAX_OUTCOMES_PAGE_SIZE = 20


class RedisUserOutcomes(OutcomeRepository):
    """Reads the engine's list of the records that hold data of a user, by the second in which they expire."""

    _store: Store
    _keys: Keys

    def outcomes(self, user: str, size: int, position: Position | None) -> Page[RecordedOutcome]:
        shown = min(size, MAX_OUTCOMES_PAGE_SIZE)
        expiry, _, record = (position.key if position else "0 ").partition(" ")
        found = self._store.read_script(
            "user_outcomes",
            keys={"outcomes": self._keys.outcomes(user)},
            args={"after_expiry": expiry, "after_record": record, "wanted": shown + 1},
        )
        page = found[:shown]
        results = [
            RecordedOutcome(request_id=by, expires_at=datetime.fromtimestamp(int(at), UTC)) for _, at, by in page if by
        ]
        has_more = len(found) > shown
        last = Position(key=f"{page[-1][1]} {page[-1][0]}") if page and has_more else None
        return Page(results=results, next=last, previous=None)
