"""The thread that signs the audit goes on whatever a round comes to."""

import pytest

from exactly_once.errors import OutcomeUnknown, StoreUnavailable
from shop.audit_worker import Signer
from shop.repositories.journal import RedisJournal


@pytest.mark.parametrize("error", [StoreUnavailable("away"), OutcomeUnknown("not confirmed"), ValueError("a fault")])
def test_a_round_that_fails_is_no_error(error: Exception):
    asked = []

    def fail() -> RedisJournal:
        asked.append(1)
        raise error

    Signer(fail).sign()
    assert asked == [1]
