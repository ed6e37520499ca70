"""What can be done with users and their tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Caller, Role
from shop.domain.errors import FieldError, Invalid, InvalidCredentials, NotFound
from shop.domain.pages import Page, Position
from shop.domain.ports import Credentials, Shop
from shop.domain.users import Token, User

TOKEN_LIFETIME = timedelta(days=14)


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
    """The new user.

    Raises:
        Invalid: the password is too weak.
        EmailTaken: somebody has this address.
    """
    _refuse(shop.passwords.weaknesses(password, email, first_name, last_name))
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
    """Raises: NotFound."""
    return shop.users.get(id)


def user_list(*, shop: Shop, search: str, size: int, position: Position | None) -> Page[User]:
    """Users whose email begins with `search`, newest first."""
    return shop.users.page(search, size, position)


@dataclass(frozen=True, kw_only=True, slots=True)
class UserChange:
    """New values; None leaves what is there."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


def user_update(
    *, shop: Shop, request: WriteRequest, id: str, change: Callable[[User], UserChange], if_match: int | None
) -> WriteResult[User]:
    """The user with the changes that `change` makes of the present one.

    Raises:
        NotFound, EmailTaken, PreconditionFailed, and what `change` raises.
    """
    now = shop.clock.now()

    def changed(user: User) -> User:
        new = change(user)
        return replace(
            user,
            email=user.email if new.email is None else new.email,
            first_name=user.first_name if new.first_name is None else new.first_name,
            last_name=user.last_name if new.last_name is None else new.last_name,
            updated_at=now,
            version=user.version + 1,
        )

    return shop.users.update(request, id, changed, if_match)


def user_delete(*, shop: Shop, request: WriteRequest, id: str, if_match: int | None) -> WriteResult[None]:
    """Erases the user; their purchases stay, anonymous.

    Raises:
        NotFound, LastStaff, PreconditionFailed.
    """
    return shop.users.delete(request, id, if_match)


def user_set_role(*, shop: Shop, request: WriteRequest, id: str, role: Role) -> WriteResult[User]:
    """The user in their new role.

    Raises:
        NotFound, LastStaff.
    """
    return shop.users.set_role(request, id, role, shop.clock.now())


def user_set_password(
    *, shop: Shop, request: WriteRequest, caller: Caller, current: str, new: str
) -> WriteResult[None]:
    """Changes the caller's password and revokes their other tokens.

    Raises:
        Invalid: `current` is not their password (at /current), or `new` is too weak (at /new).
    """

    def hashed(credentials: Credentials) -> str:
        if not shop.passwords.matches(current, credentials.password_hash):
            raise Invalid(FieldError("/current", "wrong-password", "This is not the present password."))
        user = credentials.user
        faults = shop.passwords.weaknesses(new, user.email, user.first_name, user.last_name)
        _refuse([replace(fault, pointer="/new") for fault in faults])
        return shop.passwords.hash(new)

    return shop.users.set_password(request, caller, hashed)


def token_issue(*, shop: Shop, request: WriteRequest, email: str, password: str) -> Token:
    """A token for the user of this address and password.

    Raises:
        InvalidCredentials: no such user or another password; both take the same time.
    """
    credentials = shop.users.credentials(email)
    if not shop.passwords.matches(password, credentials.password_hash if credentials else None) or credentials is None:
        raise InvalidCredentials
    user = credentials.user
    secret = shop.secrets.make(request.id, user.id)
    now = shop.clock.now()
    try:
        issued = shop.users.issue_token(
            request, credentials, shop.secrets.token_digest(secret), now, now + TOKEN_LIFETIME
        )
    except NotFound:
        raise InvalidCredentials from None
    return Token(secret=secret, expires_at=issued.value, user=user)


def token_caller(*, shop: Shop, secret: str, request_id: str) -> Caller | None:
    """Who this token stands for, or None."""
    return shop.users.caller(shop.secrets.token_digest(secret), request_id)


def token_revoke(*, shop: Shop, request: WriteRequest, caller: Caller) -> WriteResult[None]:
    """Signs the caller out."""
    return shop.users.revoke_token(request, caller)


def token_revoke_all(*, shop: Shop, request: WriteRequest, caller: Caller) -> WriteResult[None]:
    """Signs the caller out everywhere."""
    return shop.users.revoke_tokens(request, caller)


def _refuse(faults: Sequence[FieldError]) -> None:
    if faults:
        raise Invalid(*faults)
