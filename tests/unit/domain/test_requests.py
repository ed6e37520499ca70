from dataclasses import FrozenInstanceError

import pytest

from shop.domain.requests import Caller, Role
from tests.samples import a_request


@pytest.mark.parametrize(("role", "is_staff"), [(Role.STAFF, True), (Role.CUSTOMER, False)])
def test_only_staff_are_staff(role, is_staff):
    assert Caller(id="u", role=role, token="t").is_staff is is_staff


def test_a_request_cannot_be_changed_on_its_way():
    with pytest.raises(FrozenInstanceError):
        a_request().record = "another"
