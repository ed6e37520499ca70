from dataclasses import FrozenInstanceError

import pytest

from exactly_once.errors import Refusal
from exactly_once.requests import WriteRequest, WriteResult


def test_a_request_cannot_be_changed_on_its_way():
    with pytest.raises(FrozenInstanceError):
        WriteRequest.unique(timeout_s=1).idempotency_key = "another"


def test_no_two_requests_are_the_same():
    assert WriteRequest.unique(timeout_s=1).idempotency_key != WriteRequest.unique(timeout_s=1).idempotency_key


def refusal(origin):
    error = Refusal()
    error.origin_request_id = origin
    return error


@pytest.mark.parametrize("outcome", [lambda origin: WriteResult(value=None, origin_request_id=origin), refusal])
def test_an_outcome_of_another_request_is_a_replay(outcome):
    assert outcome("first").is_replay_for("second")
    assert not outcome("first").is_replay_for("first")


def test_a_refusal_that_no_store_has_seen_is_no_replay():
    assert not Refusal().is_replay_for("any")
