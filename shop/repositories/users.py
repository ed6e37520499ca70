"""Users and their tokens in Redis."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from exactly_once import Reply, WriteCall, WriteDeclaration, WriteRequest, WriteResult, fails, refuses, returns
from exactly_once.declarations import Value
from shop.domain.audit import differences
from shop.domain.callers import Caller, Role
from shop.domain.errors import EmailTaken, LastStaff, NotFound, PreconditionFailed
from shop.domain.pages import Page, Position
from shop.domain.ports import Credentials, UserRepository
from shop.domain.purchases import Status
from shop.domain.users import User, email_key
from shop.repositories import records
from shop.repositories.erasures import RedisErasures
from shop.repositories.pages import Window
from shop.repositories.user_outcomes import RedisUserOutcomes
from shop.repositories.user_tokens import REVOKED_FOR_S, RedisUserTokens

T = TypeVar("T")


def _user(reply: Reply) -> User:
    return records.USER.read_flat(reply.values)


_EMAIL_TAKEN = refuses(lambda reply: EmailTaken("Another user has this email address."))
_LAST_STAFF = refuses(lambda reply: LastStaff("No user with the role of staff would be left."))
_PRECONDITION_FAILED = refuses(lambda reply: PreconditionFailed(int(reply.values[0])))
_NOT_FOUND = fails(lambda reply: NotFound("user", reply.about))

REGISTER = WriteDeclaration(
    script="user_register",
    kind="user",
    keys=("user", "emails", "users", "users_by_email", "staff"),
    args=("id", "email_key", "role", "fields"),
    replies={"REGISTERED": returns(_user), "EMAIL_TAKEN": _EMAIL_TAKEN},
    subject="id",
)
UPDATE = WriteDeclaration(
    script="user_update",
    kind="user",
    keys=("user", "emails", "users_by_email"),
    args=("id", "base", "if_match", "email_key", "fields"),
    replies={
        "UPDATED": returns(_user),
        "EMAIL_TAKEN": _EMAIL_TAKEN,
        "PRECONDITION_FAILED": _PRECONDITION_FAILED,
        "NOT_FOUND": _NOT_FOUND,
    },
    subject="id",
    is_optimistic=True,
)
DELETE: WriteDeclaration[None] = WriteDeclaration(
    script="user_delete",
    kind="user",
    keys=(
        *("user", "emails", "users", "users_by_email", "staff", "tokens", "resets", "addresses", "registrations"),
        *("user_carts", "user_returns", "user_purchases", "erasing_purchases", "erasures"),
        *("transfers_stored", "transfers_due"),
    ),
    args=(
        *("id", "if_match", "cart_prefix", "token_prefix", "registration_prefix", "statuses", "revoked_for"),
        "transfer_prefix",
    ),
    replies={
        "DELETED": returns(lambda reply: None),
        "LAST_STAFF": _LAST_STAFF,
        "PRECONDITION_FAILED": _PRECONDITION_FAILED,
        "NOT_FOUND": _NOT_FOUND,
    },
)
SET_ROLE = WriteDeclaration(
    script="user_set_role",
    kind="user",
    keys=("user", "staff"),
    args=("id", "role", "at"),
    replies={"ROLE_SET": returns(_user), "LAST_STAFF": _LAST_STAFF, "NOT_FOUND": _NOT_FOUND},
    subject="id",
)
SET_PASSWORD: WriteDeclaration[None] = WriteDeclaration(
    script="user_set_password",
    kind="user",
    keys=("user", "tokens"),
    args=("base", "password_hash", "current_token", "token_prefix", "revoked_for"),
    replies={"PASSWORD_SET": returns(lambda reply: None), "NOT_FOUND": _NOT_FOUND},
    is_optimistic=True,
)


class RedisUserRepository(RedisErasures, RedisUserOutcomes, RedisUserTokens, UserRepository):
    """Stores each user in a hash, as each token."""

    def get(self, id: str) -> User:
        return records.USER.read(self._record(id))

    def page(self, search: str, size: int, position: Position | None) -> Page[User]:
        window = Window(size=size, position=position, descending=True)
        users = [records.USER.read_flat(flat) for flat in self._matches(window, email_key(search))]
        return window.page([(user.id, user) for user in users])

    def _matches(self, window: Window, prefix: str) -> Sequence[Sequence[str]]:
        """The records of a page. Each run of the script goes over a bounded part of the order of ids."""
        args: dict[str, Value] = {**window.args(), "prefix": prefix, "user_prefix": self._keys.user_prefix}
        keys = {"users": self._keys.users, "users_by_email": self._keys.users_by_email}
        found: list[Sequence[str]] = []
        # Bound: each run goes over 2,000 users, or is the last one.
        while len(found) <= window.size:
            args["wanted"] = window.size + 1 - len(found)
            args["bound"], more = self._store.read_script("user_page", keys=keys, args=args)
            found += more
            if not args["bound"]:
                break
        return found

    def credentials(self, email: str) -> Credentials | None:
        flat = self._store.read_script(
            "user_by_email",
            keys={"emails": self._keys.emails},
            args={"email_key": email_key(email), "user_prefix": self._keys.user_prefix},
        )
        return _credentials(records.pairs(flat)) if flat else None

    def credentials_by_id(self, id: str) -> Credentials:
        return _credentials(self._record(id))

    def register(self, request: WriteRequest, user: User, password_hash: str) -> WriteResult[User]:
        return self._store.write(self._registration(request, user, password_hash))

    def register_all(self, users: Sequence[tuple[WriteRequest, User, str]]) -> Sequence[WriteResult[User] | Exception]:
        return self._store.write_all([self._registration(*user) for user in users])

    def update(
        self, request: WriteRequest, id: str, change: Callable[[User], User], if_match: int | None
    ) -> WriteResult[User]:
        def prepare() -> WriteCall[User]:
            user = self.get(id)
            return self._put(request, user, change(user) if if_match in (None, user.version) else user, if_match)

        return self._store.write_optimistic(UPDATE, request, prepare)

    def delete(
        self, request: WriteRequest, id: str, if_match: int | None, confirm: Callable[[], None] | None = None
    ) -> WriteResult[None]:
        keys = self._keys
        call = DELETE.call(
            request,
            keys={
                "user": keys.user(id),
                "emails": keys.emails,
                "users": keys.users,
                "users_by_email": keys.users_by_email,
                "staff": keys.staff,
                "tokens": keys.user_tokens(id),
                "resets": keys.user_resets(id),
                "addresses": keys.user_addresses(id),
                "registrations": keys.registrations,
                "user_carts": keys.user_carts(id),
                "user_returns": keys.user_returns(id),
                "user_purchases": keys.user_purchases(id),
                "erasing_purchases": keys.erasing_purchases(id),
                "erasures": keys.erasures,
                "transfers_stored": keys.transfers_stored,
                "transfers_due": keys.transfers_due,
            },
            args={
                "id": id,
                "if_match": _match(if_match),
                "cart_prefix": keys.cart_prefix,
                "token_prefix": keys.token_prefix,
                "registration_prefix": keys.registration_prefix,
                "statuses": " ".join(Status),
                "revoked_for": REVOKED_FOR_S,
                "transfer_prefix": keys.transfer_prefix,
            },
            about=id,
        )
        return self._confirmed(call, confirm)

    def set_role(
        self, request: WriteRequest, id: str, role: Role, at: datetime, confirm: Callable[[], None] | None = None
    ) -> WriteResult[User]:
        keys = {"user": self._keys.user(id), "staff": self._keys.staff}
        args: dict[str, Value] = {"id": id, "role": role, "at": records.milliseconds(at)}
        return self._confirmed(SET_ROLE.call(request, keys=keys, args=args, about=id), confirm)

    def set_password(
        self, request: WriteRequest, caller: Caller, hashed: Callable[[Credentials], str]
    ) -> WriteResult[None]:
        def prepare() -> WriteCall[None]:
            credentials = self.credentials_by_id(caller.id)
            return self._put_password(request, caller, credentials.password_hash, hashed(credentials))

        return self._store.write_optimistic(SET_PASSWORD, request, prepare)

    def _confirmed(self, call: WriteCall[T], confirm: Callable[[], None] | None) -> WriteResult[T]:
        """Run a write once it is confirmed. A repeat returns the recorded outcome without being confirmed again."""
        if confirm is None:
            return self._store.write(call)

        def prepare() -> WriteCall[T]:
            confirm()
            return call

        return self._store.write_optimistic(call.declaration, call.request, prepare)

    def _record(self, id: str) -> dict[str, str]:
        record = records.pairs(self._store.read(("HGETALL", self._keys.user(id))))
        if not record:
            raise NotFound("user", id)
        return record

    def _registration(self, request: WriteRequest, user: User, password_hash: str) -> WriteCall[User]:
        return REGISTER.call(
            request,
            keys={
                "user": self._keys.user(user.id),
                "emails": self._keys.emails,
                "users": self._keys.users,
                "users_by_email": self._keys.users_by_email,
                "staff": self._keys.staff,
            },
            args={
                "id": user.id,
                "email_key": email_key(user.email),
                "role": user.role,
                "fields": records.USER.creation(user, password=password_hash),
            },
            about=user.id,
            changes=[("email", None, user.email), ("role", None, user.role)],
        )

    def _put(self, request: WriteRequest, old: User, new: User, if_match: int | None) -> WriteCall[User]:
        return UPDATE.call(
            request,
            keys={
                "user": self._keys.user(old.id),
                "emails": self._keys.emails,
                "users_by_email": self._keys.users_by_email,
            },
            args={
                "id": old.id,
                "base": old.version,
                "if_match": _match(if_match),
                "email_key": email_key(new.email),
                "fields": records.USER.update(new),
            },
            about=old.id,
            changes=[*differences(_named(old), _named(new))],
        )

    def _put_password(
        self, request: WriteRequest, caller: Caller, checked_hash: str, password_hash: str
    ) -> WriteCall[None]:
        return SET_PASSWORD.call(
            request,
            keys={"user": self._keys.user(caller.id), "tokens": self._keys.user_tokens(caller.id)},
            args={
                "base": checked_hash,
                "password_hash": password_hash,
                "current_token": caller.token,
                "token_prefix": self._keys.token_prefix,
                "revoked_for": REVOKED_FOR_S,
            },
            about=caller.id,
        )


def _named(user: User) -> dict[str, str]:
    """What an update may change, by name."""
    return {"email": user.email, "first_name": user.first_name, "last_name": user.last_name}


def _match(version: int | None) -> Value:
    return "" if version is None else version


def _networks(text: str) -> dict[str, datetime]:
    pairs = (entry.partition(":") for entry in text.split())
    return {digest: records.instant(at) for digest, _, at in pairs}


def _credentials(record: dict[str, str]) -> Credentials:
    return Credentials(
        user=records.USER.read(record),
        password_hash=record["password"],
        networks=_networks(record.get("networks", "")),
    )
