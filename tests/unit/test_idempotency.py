"""The idempotency secret, through rotations of the secret key."""

from collections.abc import Mapping

import pytest

from exactly_once.errors import StoreUnavailable
from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.idempotency import SecretSlots
from shop.idempotency import StoredIdempotencySecret


class Slots(SecretSlots):
    """Slots in memory. `unavailable` makes every call fail."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.reads = 0
        self.unavailable = False

    def read(self) -> Mapping[str, str]:
        self._answer()
        self.reads += 1
        return dict(self.held)

    def add(self, request: WriteRequest, slots: Mapping[str, str]) -> WriteResult[Mapping[str, str]]:
        self._answer()
        self.held = {**slots, **self.held}
        return WriteResult(value=dict(self.held), origin_request_id=request.id)

    def _answer(self) -> None:
        if self.unavailable:
            raise StoreUnavailable


@pytest.fixture
def slots() -> Slots:
    return Slots()


def value(slots: Slots, *keys: str) -> bytes:
    """The secret that an instance with these keys uses, the present one first."""
    return StoredIdempotencySecret(slots, keys).value()


def test_the_secret_of_a_store_without_slots_is_the_key_that_earlier_versions_used(slots: Slots):
    assert value(slots, "old") == b"old"


def test_the_secret_survives_a_rotation_and_the_end_of_the_former_key(slots: Slots):
    before, during, after = value(slots, "old"), value(slots, "new", "old"), value(slots, "new")
    assert before == during == after


def test_instances_agree_while_they_are_replaced_one_by_one(slots: Slots):
    rolling = [value(slots, *keys) for keys in (("new", "old"), ("old",), ("new", "old"), ("old",))]
    assert set(rolling) == {b"old"}


def test_the_secret_survives_several_rotations(slots: Slots):
    for keys in (("a",), ("b", "a"), ("b",), ("c", "b"), ("c",)):
        assert value(slots, *keys) == b"a"


def test_a_slot_does_not_reveal_the_secret_or_a_key(slots: Slots):
    value(slots, "a secret key")
    assert "a secret key" not in str(slots.held)


def test_the_first_of_two_instances_that_start_at_once_decides(slots: Slots):
    late = Slots()
    late.read = dict  # type: ignore[method-assign]
    value(slots, "b", "a")
    late.held = slots.held
    assert value(late, "b") == b"a"


def test_a_lost_key_loses_the_secret_and_no_more(slots: Slots):
    value(slots, "lost")
    assert value(slots, "another") == value(slots, "another") == b"another"
    assert value(slots, "lost") == b"lost"


def test_the_secret_is_read_once(slots: Slots):
    secret = StoredIdempotencySecret(slots, ["key"])
    assert secret.value() == secret.value()
    assert slots.reads == 1


def test_without_a_store_there_is_no_secret_until_it_answers(slots: Slots):
    secret, slots.unavailable = StoredIdempotencySecret(slots, ["key"]), True
    with pytest.raises(StoreUnavailable):
        secret.value()
    slots.unavailable = False
    assert secret.value() == b"key"
