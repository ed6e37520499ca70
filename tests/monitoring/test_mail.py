"""From a fault to the mail about it, and to the one that says that it is over."""

import pytest

from tests.stack_fixtures import wait_until

NODES = ("redis-1", "redis-2", "redis-3")


@pytest.fixture
def store_that_was_down(watched, mailbox):
    """The mails of a time in which every data node was away, and of the time after it."""
    watched.stack.stop(*NODES)
    wait_until(lambda: mailbox.has("FIRING", "critical", "StoreDown"))
    watched.stack.start(*NODES)
    wait_until(lambda: "RESOLVED: No data node answers." in "\n".join(mailbox.texts))
    watched.stack.wait_until_serving()
    return mailbox


def test_a_store_that_is_down_is_mailed_and_so_is_its_return_and_not_what_follows_from_it(store_that_was_down):
    texts = "\n".join(store_that_was_down.texts)
    assert "FIRING: No data node answers." in texts
    assert "RESOLVED: No data node answers." in texts
    assert "What to do: docs/runbook.md#storedown" in texts
    assert not store_that_was_down.has("NoPrimary")
    assert not store_that_was_down.has("ReplicaMissing")


def test_who_expects_a_sign_of_life_gets_one_while_all_is_well(watched, whoever_expects_calls):
    assert whoever_expects_calls.rang.wait(60)
