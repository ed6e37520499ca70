"""The present password beside a token, for what a stolen token must not suffice."""

from collections.abc import Callable

from shop.domain.callers import Caller
from shop.domain.errors import FieldError, Invalid
from shop.domain.ports import Shop
from shop.domain.rate_limits import NO_LIMITS, PasswordLimits
from shop.services.admission import attempt_admit

Confirm = Callable[[], None]


def password_check(*, shop: Shop, caller: Caller, password: str | None, limits: PasswordLimits = NO_LIMITS) -> Confirm:
    """Return a check that `password` is the caller's. It is computed once, however often the check runs.

    Raises (the check): RateLimited; Invalid at /current_password, where it is another one or None.
    """
    checked: list[bool] = []

    def confirm() -> None:
        if password is None:
            raise Invalid(FieldError("/current_password", "required", "Enter your own present password."))
        if not checked:
            credentials = shop.users.credentials_by_id(caller.id)
            attempt_admit(shop=shop, limits=limits, account=caller.id, networks=credentials.networks)
            checked.append(shop.passwords.matches(password, credentials.password_hash))
        if not checked[0]:
            raise Invalid(
                FieldError("/current_password", "wrong-password", "Wrong password: enter your own present one.")
            )

    return confirm


def unconfirmed() -> None:
    """Confirm nothing: for an operator at the command line, who has no token."""
