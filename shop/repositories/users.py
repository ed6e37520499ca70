"""Users and their tokens in Redis."""

from collections.abc import Callable, Sequence
from datetime import datetime

from exactly_once import Reply, Store, WriteCall, WriteDeclaration, WriteRequest, WriteResult, fails, refuses, returns
from exactly_once.declarations import Value
from shop.domain.callers import Caller, Role
from shop.domain.errors import EmailTaken, LastStaff, NotFound, PreconditionFailed
from shop.domain.pages import Page, Position
from shop.domain.ports import Credentials, UserRepository
from shop.domain.purchases import Status
from shop.domain.users import StoredToken, User, email_key
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window

#: How long a revoked token lets the request through that revoked it, in seconds: as long as that request may repeat.
REVOKED_FOR_S = 600


def _user(reply: Reply) -> User:
    return records.USER.read_flat(reply.values)


def _stored_token(reply: Reply) -> StoredToken:
    # Before secrets were sealed, the outcome was the expiry alone.
    expires_at, sealed = (*reply.values, "")[:2]
    return StoredToken(expires_at=records.instant(expires_at), sealed=sealed)


_EMAIL_TAKEN = refuses(lambda reply: EmailTaken("Another user has this email address."))
_LAST_STAFF = refuses(lambda reply: LastStaff("No user with the role of staff would be left."))
_PRECONDITION_FAILED = refuses(lambda reply: PreconditionFailed(int(reply.values[0])))
_NOT_FOUND = fails(lambda reply: NotFound("user", reply.about))

REGISTER = WriteDeclaration(
    script="user_register",
    keys=("user", "emails", "users", "users_by_email", "staff"),
    args=("id", "email_key", "role", "fields"),
    replies={"REGISTERED": returns(_user), "EMAIL_TAKEN": _EMAIL_TAKEN},
    subject="id",
)
UPDATE = WriteDeclaration(
    script="user_update",
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
    keys=("user", "emails", "users", "users_by_email", "staff", "tokens", "purchases"),
    args=("id", "if_match", "token_prefix", "purchase_prefix", "statuses", "revoked_for"),
    replies={
        "DELETED": returns(lambda reply: None),
        "LAST_STAFF": _LAST_STAFF,
        "PRECONDITION_FAILED": _PRECONDITION_FAILED,
        "NOT_FOUND": _NOT_FOUND,
    },
)
SET_ROLE = WriteDeclaration(
    script="user_set_role",
    keys=("user", "staff"),
    args=("id", "role", "at"),
    replies={"ROLE_SET": returns(_user), "LAST_STAFF": _LAST_STAFF, "NOT_FOUND": _NOT_FOUND},
    subject="id",
)
SET_PASSWORD: WriteDeclaration[None] = WriteDeclaration(
    script="user_set_password",
    keys=("user", "tokens"),
    args=("base", "password_hash", "current_token", "token_prefix", "revoked_for"),
    replies={"PASSWORD_SET": returns(lambda reply: None), "NOT_FOUND": _NOT_FOUND},
    is_optimistic=True,
)
ISSUE_TOKEN = WriteDeclaration(
    script="token_issue",
    keys=("user", "token", "tokens"),
    args=("id", "checked_hash", "digest", "at", "expires_at", "sealed"),
    replies={"ISSUED": returns(_stored_token), "NOT_FOUND": _NOT_FOUND},
)
REVOKE_TOKEN: WriteDeclaration[None] = WriteDeclaration(
    script="token_revoke",
    keys=("tokens",),
    args=("digest", "role", "token_prefix", "revoked_for"),
    replies={"REVOKED": returns(lambda reply: None)},
)


class RedisUserRepository(UserRepository):
    """Stores each user and each token in a hash."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def get(self, id: str) -> User:
        return records.USER.read(self._record(id))

    def page(self, search: str, size: int, position: Position | None) -> Page[User]:
        window = Window(size=size, position=position, descending=True)
        found = self._store.read_script(
            "user_page",
            keys={"users": self._keys.users, "users_by_email": self._keys.users_by_email},
            args={**window.args(), "prefix": email_key(search), "user_prefix": self._keys.user_prefix},
        )
        users = [records.USER.read_flat(flat) for flat in found]
        return window.page([(user.id, user) for user in users])

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

    def delete(self, request: WriteRequest, id: str, if_match: int | None) -> WriteResult[None]:
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
                "purchases": keys.user_purchases(id),
            },
            args={
                "id": id,
                "if_match": _match(if_match),
                "token_prefix": keys.token_prefix,
                "purchase_prefix": keys.purchase_prefix,
                "statuses": " ".join(Status),
                "revoked_for": REVOKED_FOR_S,
            },
            about=id,
        )
        return self._store.write(call)

    def set_role(self, request: WriteRequest, id: str, role: Role, at: datetime) -> WriteResult[User]:
        keys = {"user": self._keys.user(id), "staff": self._keys.staff}
        args: dict[str, Value] = {"id": id, "role": role, "at": records.milliseconds(at)}
        return self._store.write(SET_ROLE.call(request, keys=keys, args=args, about=id))

    def set_password(
        self, request: WriteRequest, caller: Caller, hashed: Callable[[Credentials], str]
    ) -> WriteResult[None]:
        def prepare() -> WriteCall[None]:
            credentials = self.credentials_by_id(caller.id)
            return self._put_password(request, caller, credentials.password_hash, hashed(credentials))

        return self._store.write_optimistic(SET_PASSWORD, request, prepare)

    def issue_token(
        self, request: WriteRequest, checked: Credentials, digest: str, at: datetime, expires_at: datetime, sealed: str
    ) -> WriteResult[StoredToken]:
        user = checked.user.id
        call = ISSUE_TOKEN.call(
            request,
            keys={
                "user": self._keys.user(user),
                "token": self._keys.token(digest),
                "tokens": self._keys.user_tokens(user),
            },
            args={
                "id": user,
                "checked_hash": checked.password_hash,
                "digest": digest,
                "at": records.milliseconds(at),
                "expires_at": records.milliseconds(expires_at),
                "sealed": sealed,
            },
            about=user,
        )
        return self._store.write(call)

    def caller(self, token: str, request_id: str) -> Caller | None:
        found = self._store.read_script(
            "token_caller",
            keys={"token": self._keys.token(token)},
            args={"request_id": request_id, "user_prefix": self._keys.user_prefix},
        )
        return Caller(id=found[0], role=Role(found[1]), token=token) if found else None

    def revoke_token(self, request: WriteRequest, caller: Caller) -> WriteResult[None]:
        return self._revoke(request, caller, caller.token)

    def revoke_tokens(self, request: WriteRequest, caller: Caller) -> WriteResult[None]:
        return self._revoke(request, caller, "")

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

    def _revoke(self, request: WriteRequest, caller: Caller, digest: str) -> WriteResult[None]:
        call = REVOKE_TOKEN.call(
            request,
            keys={"tokens": self._keys.user_tokens(caller.id)},
            args={
                "digest": digest,
                "role": caller.role or "",
                "token_prefix": self._keys.token_prefix,
                "revoked_for": REVOKED_FOR_S,
            },
            about=caller.id,
        )
        return self._store.write(call)


def _match(version: int | None) -> Value:
    return "" if version is None else version


def _credentials(record: dict[str, str]) -> Credentials:
    return Credentials(user=records.USER.read(record), password_hash=record["password"])
