"""Users, and the indexes they are in."""

from collections.abc import Iterator, Mapping

from operations.store_audit.indexes import Indexes
from shop.domain.callers import Role
from shop.domain.stock_invariant import Violation
from shop.domain.users import email_key
from shop.repositories import records
from shop.repositories.keys import Keys


class UserAudit:
    """Goes through the users, one by one."""

    def __init__(self, keys: Keys, indexes: Indexes) -> None:
        self._keys = keys
        self._indexes = indexes

    def check(self, id: str, record: Mapping[str, str]) -> Iterator[Violation]:
        """What is wrong with this user's own record.

        Raises:
            KeyError, ValueError: it cannot be read.
        """
        user = records.USER.read(record)
        key, keys = record["email_key"], self._keys
        if user.id != id:
            yield Violation(code="user-record", subject=f"user {id}", detail=f"its field `id` is {user.id}")
        if key != email_key(user.email):
            yield Violation(code="user-record", subject=f"user {id}", detail=f"{key} is not how {user.email} compares")
        self._indexes.expect_pair(keys.emails, key, id)
        self._indexes.expect(keys.users, id)
        self._indexes.expect(keys.users_by_email, f"{key}\0{id}")
        if user.role is Role.STAFF:
            self._indexes.expect(keys.staff, id)
