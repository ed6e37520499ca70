"""Use cases of users."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Caller, Role
from shop.domain.errors import FieldError, Invalid, NotFound
from shop.domain.pages import Page, Position
from shop.domain.ports import Credentials, Shop
from shop.domain.rate_limits import NO_LIMITS, PasswordLimits
from shop.domain.users import User
from shop.services.admission import attempt_admission
from shop.services.erasures import erasure_continue
from shop.services.reauthentication import Confirm, is_password


def user_register(
    *,
    shop: Shop,
    request: WriteRequest,
    email: str,
    password: str,
    first_name: str,
    last_name: str,
    role: Role = Role.CUSTOMER,
) -> WriteResult[User]:
    """Register a user.

    Raises:
        Invalid: the password is too weak.
        EmailTaken: another user has this email address.
    """
    refuse(shop.passwords.weaknesses(password, email, first_name, last_name))
    now = shop.clock.now()
    user = User(
        id=shop.ids.new(now),
        email=email,
        first_name=first_name,
        last_name=last_name,
        role=role,
        created_at=now,
        updated_at=now,
        version=1,
    )
    return shop.users.register(request, user, shop.passwords.hash(password))


def user_get(*, shop: Shop, id: str) -> User:
    """Get a user. Raises: NotFound."""
    return shop.users.get(id)


def user_list(*, shop: Shop, search: str, size: int, position: Position | None) -> Page[User]:
    """List users whose email starts with `search`, newest first."""
    return shop.users.page(search, size, position)


@dataclass(frozen=True, kw_only=True, slots=True)
class UserChange:
    """New values of a user; None leaves the present one."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


def user_update(
    *,
    shop: Shop,
    request: WriteRequest,
    id: str,
    change: Callable[[User], UserChange],
    if_match: int | None,
    confirm: Confirm,
) -> WriteResult[User]:
    """Update a user by the values that `change` makes of the present one; a concurrent edit makes it run again. Another
    email is confirmed first.

    Raises:
        NotFound, EmailTaken, PreconditionFailed, and what `change` and `confirm` raise.
    """
    now = shop.clock.now()

    def apply(user: User) -> User:
        new = change(user)
        if new.email not in (None, user.email):
            confirm()
        return replace(
            user,
            email=user.email if new.email is None else new.email,
            first_name=user.first_name if new.first_name is None else new.first_name,
            last_name=user.last_name if new.last_name is None else new.last_name,
            updated_at=now,
            version=user.version + 1,
        )

    return shop.users.update(request, id, apply, if_match)


def user_delete(
    *, shop: Shop, request: WriteRequest, id: str, if_match: int | None, confirm: Confirm
) -> WriteResult[None]:
    """Erase a user; the purchases stay, anonymous. No read shows the user from the first step on, which is what is
    acknowledged. Further steps erase what else is stored about them: here while there are few, and in the background.

    Raises:
        NotFound, LastStaff, PreconditionFailed, and what `confirm` raises.
    """
    result = shop.users.delete(request, id, if_match, confirm)
    erasure_continue(shop=shop, id=id, deadline=request.deadline)
    return result


def user_set_role(*, shop: Shop, request: WriteRequest, id: str, role: Role, confirm: Confirm) -> WriteResult[User]:
    """Set the role of a user.

    Raises:
        NotFound, LastStaff, and what `confirm` raises.
    """
    return shop.users.set_role(request, id, role, shop.clock.now(), confirm)


def user_set_password(
    *, shop: Shop, request: WriteRequest, caller: Caller, current: str, new: str, limits: PasswordLimits = NO_LIMITS
) -> WriteResult[None]:
    """Change the caller's password, and revoke the other tokens.

    Raises:
        RateLimited: before the password is looked at.
        Invalid: `current` is not the password (at /current), or `new` is too weak (at /new).
    """
    admit = attempt_admission(shop=shop, limits=limits, request=request)

    def new_hash(credentials: Credentials) -> str:
        if not is_password(shop=shop, request=request, credentials=credentials, password=current, admit=admit):
            raise Invalid(FieldError("/current", "wrong-password", "Wrong password: enter the present one."))
        user = credentials.user
        weaknesses = shop.passwords.weaknesses(new, user.email, user.first_name, user.last_name)
        refuse([replace(weakness, pointer="/new") for weakness in weaknesses])
        return shop.passwords.hash(new)

    return shop.users.set_password(request, caller, new_hash)


def user_reset_password(*, shop: Shop, request: WriteRequest, email: str, new: str) -> WriteResult[None]:
    """Set the password of the user with this email without the present one, and revoke every token.

    Raises:
        NotFound.
        Invalid: `new` is too weak (at /password).
    """
    credentials = shop.users.credentials(email)
    if credentials is None:
        raise NotFound("user", email)
    user = credentials.user
    refuse(shop.passwords.weaknesses(new, user.email, user.first_name, user.last_name))
    new_hash = shop.passwords.hash(new)
    return shop.users.set_password(request, Caller(id=user.id, role=user.role, token=""), lambda _: new_hash)


def refuse(field_errors: Sequence[FieldError]) -> None:
    """Raise Invalid where there are field errors."""
    if field_errors:
        raise Invalid(*field_errors)
