import pytest

from shop.domain.callers import Caller, Role


@pytest.mark.parametrize(("role", "is_staff"), [(Role.STAFF, True), (Role.CUSTOMER, False)])
def test_only_staff_are_staff(role, is_staff):
    assert Caller(id="u", role=role, token="t").is_staff is is_staff
