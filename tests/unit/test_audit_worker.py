"""The thread that signs the audit goes on whatever a round comes to; and the command without a store."""

import pytest
from django.core.management import CommandError, call_command

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


def test_a_command_without_a_store_says_so_and_not_that_the_audit_was_tampered_with():
    with pytest.raises(CommandError, match="No store answers") as error:
        call_command("audit", "verify")
    assert error.value.returncode == 2
