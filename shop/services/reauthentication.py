"""The present password beside a token, for what a stolen token must not suffice."""

from collections.abc import Callable

from exactly_once.requests import WriteRequest
from shop.domain.callers import Caller
from shop.domain.credentials import Credentials
from shop.domain.errors import FieldError, Invalid
from shop.domain.ports import Shop
from shop.domain.rate_limits import NO_LIMITS, PasswordLimits
from shop.domain.users import email_key
from shop.services.admission import AdmitAttempt, attempt_admission
from shop.services.audit import sign_in_failure_record

Confirm = Callable[[], None]


def password_check(
    *, shop: Shop, request: WriteRequest, caller: Caller, password: str | None, limits: PasswordLimits = NO_LIMITS
) -> Confirm:
    """Return a check that `password` is the caller's, for this request. It is computed once, however often the check
    runs.

    Raises (the check): RateLimited; Invalid at /current_password, where it is another one or None.
    """
    checked: list[bool] = []
    admit = attempt_admission(shop=shop, limits=limits, request=request)

    def confirm() -> None:
        if password is None:
            raise Invalid(FieldError("/current_password", "required", "Enter your own present password."))
        if not checked:
            credentials = shop.users.credentials_by_id(caller.id)
            checked.append(
                is_password(shop=shop, request=request, credentials=credentials, password=password, admit=admit)
            )
        if not checked[0]:
            raise Invalid(
                FieldError("/current_password", "wrong-password", "Wrong password: enter your own present one.")
            )

    return confirm


def is_password(
    *, shop: Shop, request: WriteRequest, credentials: Credentials, password: str, admit: AdmitAttempt
) -> bool:
    """Whether the password beside a token is the user's. The attempt counts as a sign-in of this user does, and a wrong
    one is recorded as a failed sign-in.

    Raises:
        RateLimited: before the password is looked at.
    """
    user = credentials.user
    admit(email_key(user.email), credentials.networks)
    matches = shop.passwords.matches(password, credentials.password_hash)
    if not matches:
        sign_in_failure_record(shop=shop, request=request, email=user.email, user=user)
    return matches


def unconfirmed() -> None:
    """Confirm nothing: for an operator at the command line, who has no token."""
