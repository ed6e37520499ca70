"""Use cases of users and their tokens."""

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
    """Register a user.

    Raises:
        Invalid: the password is too weak.
        EmailTaken: another user has this email address.
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
    *, shop: Shop, request: WriteRequest, id: str, change: Callable[[User], UserChange], if_match: int | None
) -> WriteResult[User]:
    """Update a user by the values that `change` makes of the present one; a concurrent edit makes it run again.

    Raises:
        NotFound, EmailTaken, PreconditionFailed, and what `change` raises.
    """
    now = shop.clock.now()

    def apply(user: User) -> User:
        new = change(user)
        return replace(
            user,
            email=user.email if new.email is None else new.email,
            first_name=user.first_name if new.first_name is None else new.first_name,
            last_name=user.last_name if new.last_name is None else new.last_name,
            updated_at=now,
            version=user.version + 1,
        )

    return shop.users.update(request, id, apply, if_match)


def user_delete(*, shop: Shop, request: WriteRequest, id: str, if_match: int | None) -> WriteResult[None]:
    """Erase a user; the purchases stay, anonymous.

    Raises:
        NotFound, LastStaff, PreconditionFailed.
    """
    return shop.users.delete(request, id, if_match)


def user_set_role(*, shop: Shop, request: WriteRequest, id: str, role: Role) -> WriteResult[User]:
    """Set the role of a user.

    Raises:
        NotFound, LastStaff.
    """
    return shop.users.set_role(request, id, role, shop.clock.now())


def user_set_password(
    *, shop: Shop, request: WriteRequest, caller: Caller, current: str, new: str
) -> WriteResult[None]:
    """Change the caller's password, and revoke the other tokens.

    Raises:
        Invalid: `current` is not the password (at /current), or `new` is too weak (at /new).
    """

    def new_hash(credentials: Credentials) -> str:
        if not shop.passwords.matches(current, credentials.password_hash):
            raise Invalid(FieldError("/current", "wrong-password", "Wrong password: enter the present one."))
        user = credentials.user
        weaknesses = shop.passwords.weaknesses(new, user.email, user.first_name, user.last_name)
        _refuse([replace(weakness, pointer="/new") for weakness in weaknesses])
        return shop.passwords.hash(new)

    return shop.users.set_password(request, caller, new_hash)


def token_issue(*, shop: Shop, request: WriteRequest, email: str, password: str) -> Token:
    """Create a token for the user of this email and password.

    Raises:
        InvalidCredentials: unknown email or wrong password; both take the same time.
    """
    credentials = shop.users.credentials(email)
    if not shop.passwords.matches(password, credentials.password_hash if credentials else None) or credentials is None:
        raise InvalidCredentials
    user = credentials.user
    secret = shop.secrets.make_token()
    now = shop.clock.now()
    try:
        issued = shop.users.issue_token(
            request, credentials, shop.secrets.digest(secret), now, now + TOKEN_LIFETIME, shop.secrets.seal(secret)
        ).value
    except NotFound:
        raise InvalidCredentials from None
    return Token(secret=shop.secrets.open(issued.sealed), expires_at=issued.expires_at, user=user)


def token_caller(*, shop: Shop, secret: str, request_id: str) -> Caller | None:
    """Return the user of a token, or None where it is unknown, expired or revoked."""
    return shop.users.caller(shop.secrets.digest(secret), request_id)


def token_revoke(*, shop: Shop, request: WriteRequest, caller: Caller) -> WriteResult[None]:
    """Revoke the caller's token."""
    return shop.users.revoke_token(request, caller)


def token_revoke_all(*, shop: Shop, request: WriteRequest, caller: Caller) -> WriteResult[None]:
    """Revoke all tokens of the caller."""
    return shop.users.revoke_tokens(request, caller)


def _refuse(field_errors: Sequence[FieldError]) -> None:
    if field_errors:
        raise Invalid(*field_errors)
