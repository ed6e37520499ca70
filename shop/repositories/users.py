"""Users and their tokens in Redis."""

from collections.abc import Callable, Sequence
from datetime import datetime

from exactly_once.reads import Reader
from exactly_once.scripts import Value
from exactly_once.writes import Reply, Write, Writer, each, refused
from shop.domain.errors import EmailTaken, LastStaff, NotFound, PreconditionFailed, ShopError
from shop.domain.pages import Page, Position
from shop.domain.ports import Credentials, UserRepository
from shop.domain.purchases import Status
from shop.domain.requests import Caller, Done, Role, WriteRequest
from shop.domain.users import User, email_key
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window

#: How long a revoked token lets the request through that revoked it, in seconds: as long as that request may repeat.
REVOKED_FOR = 600


class RedisUserRepository(UserRepository):
    """Keeps each user and each token in a hash."""

    def __init__(self, reader: Reader, writer: Writer, keys: Keys) -> None:
        self._reader = reader
        self._writer = writer
        self._keys = keys

    def get(self, id: str) -> User:
        return records.user(self._record(id))

    def page(self, search: str, size: int, position: Position | None) -> Page[User]:
        window = Window(size=size, position=position, descending=True)
        found = self._reader.own_script(
            "user_page",
            {"users": self._keys.users, "users_by_email": self._keys.users_by_email},
            {**window.argv(), "prefix": email_key(search), "user_prefix": self._keys.user_prefix},
        )
        users = [records.user(records.fields(flat)) for flat in found]
        return window.page([(user.id, user) for user in users])

    def credentials(self, email: str) -> Credentials | None:
        flat = self._reader.own_script(
            "user_by_email",
            {"emails": self._keys.emails},
            {"email_key": email_key(email), "user_prefix": self._keys.user_prefix},
        )
        return _credentials(records.fields(flat)) if flat else None

    def register(self, request: WriteRequest, user: User, kept: str) -> Done[User]:
        return _user(self._writer.write(self._registration(request, user, kept)), user.id)

    def register_all(self, users: Sequence[tuple[WriteRequest, User, str]]) -> Sequence[Done[User] | ShopError]:
        replies = self._writer.write_all([self._registration(*user) for user in users])
        return each(replies, lambda reply: _user(reply, "just registered"))

    def update(
        self, request: WriteRequest, id: str, change: Callable[[User], User], if_match: int | None
    ) -> Done[User]:
        def attempt() -> Reply:
            user = self.get(id)
            return self._put(request, user, change(user) if if_match in (None, user.version) else user, if_match)

        return _user(self._writer.decide(request, attempt), id)

    def delete(self, request: WriteRequest, id: str, if_match: int | None) -> Done[None]:
        keys = self._keys
        reply = self._writer.write(
            Write(
                script="user_delete",
                request=request,
                keys={
                    "user": keys.user(id),
                    "emails": keys.emails,
                    "users": keys.users,
                    "users_by_email": keys.users_by_email,
                    "staff": keys.staff,
                    "tokens": keys.user_tokens(id),
                    "requests": keys.user_requests(id),
                    "purchases": keys.user_purchases(id),
                },
                argv={
                    "id": id,
                    "if_match": _match(if_match),
                    "token_prefix": keys.token_prefix,
                    "purchase_prefix": keys.purchase_prefix,
                    "statuses": " ".join(Status),
                    "revoked_for": REVOKED_FOR,
                },
            )
        )
        _refuse(reply, id)
        return Done(value=None, carried_out_by=reply.carried_out_by)

    def set_role(self, request: WriteRequest, id: str, role: Role, at: datetime) -> Done[User]:
        reply = self._writer.write(
            Write(
                script="user_set_role",
                request=request,
                keys={"user": self._keys.user(id), "staff": self._keys.staff, "requests": self._keys.user_requests(id)},
                argv={"id": id, "role": role, "at": records.milliseconds(at)},
            )
        )
        return _user(reply, id)

    def set_password(self, request: WriteRequest, caller: Caller, hashed: Callable[[Credentials], str]) -> Done[None]:
        def attempt() -> Reply:
            credentials = _credentials(self._record(caller.id))
            return self._put_password(request, caller, credentials.kept, hashed(credentials))

        reply = self._writer.decide(request, attempt)
        _refuse(reply, caller.id)
        return Done(value=None, carried_out_by=reply.carried_out_by)

    def issue_token(
        self, request: WriteRequest, checked: Credentials, name: str, at: datetime, expires_at: datetime
    ) -> Done[datetime]:
        user = checked.user.id
        reply = self._writer.write(
            Write(
                script="token_issue",
                request=request,
                keys={
                    "user": self._keys.user(user),
                    "token": self._keys.token(name),
                    "tokens": self._keys.user_tokens(user),
                },
                argv={
                    "id": user,
                    "checked": checked.kept,
                    "name": name,
                    "at": records.milliseconds(at),
                    "expires_at": records.milliseconds(expires_at),
                },
            )
        )
        _refuse(reply, user)
        return Done(value=records.instant(reply.values[0]), carried_out_by=reply.carried_out_by)

    def caller(self, token: str, request_id: str) -> Caller | None:
        found = self._reader.own_script(
            "token_caller",
            {"token": self._keys.token(token)},
            {"request_id": request_id, "user_prefix": self._keys.user_prefix},
        )
        return Caller(id=found[0], role=Role(found[1]), token=token) if found else None

    def revoke_token(self, request: WriteRequest, caller: Caller) -> Done[None]:
        return self._revoke(request, caller, caller.token)

    def revoke_tokens(self, request: WriteRequest, caller: Caller) -> Done[None]:
        return self._revoke(request, caller, "")

    def _record(self, id: str) -> dict[str, str]:
        record = records.fields(self._reader.own(("HGETALL", self._keys.user(id))))
        if not record:
            raise NotFound("user", id)
        return record

    def _registration(self, request: WriteRequest, user: User, kept: str) -> Write:
        record = records.of_user(user)
        return Write(
            script="user_register",
            request=request,
            keys={
                "user": self._keys.user(user.id),
                "emails": self._keys.emails,
                "users": self._keys.users,
                "users_by_email": self._keys.users_by_email,
                "staff": self._keys.staff,
                "requests": self._keys.user_requests(user.id),
            },
            argv={
                "id": user.id,
                "email_key": record["email_key"],
                "role": user.role,
                "fields": records.flat({**record, "password": kept}),
            },
        )

    def _put(self, request: WriteRequest, old: User, new: User, if_match: int | None) -> Reply:
        record = records.of_user(new)
        return self._writer.write(
            Write(
                script="user_update",
                request=request,
                keys={
                    "user": self._keys.user(old.id),
                    "emails": self._keys.emails,
                    "users_by_email": self._keys.users_by_email,
                    "requests": self._keys.user_requests(old.id),
                },
                argv={
                    "id": old.id,
                    "base": old.version,
                    "if_match": _match(if_match),
                    "email_key": record["email_key"],
                    "fields": records.flat(record),
                },
            )
        )

    def _put_password(self, request: WriteRequest, caller: Caller, checked: str, kept: str) -> Reply:
        argv: dict[str, Value] = {
            "checked": checked,
            "kept": kept,
            "keep": caller.token,
            "token_prefix": self._keys.token_prefix,
            "revoked_for": REVOKED_FOR,
        }
        keys = {"user": self._keys.user(caller.id), "tokens": self._keys.user_tokens(caller.id)}
        return self._writer.write(
            Write(
                script="user_set_password",
                request=request,
                keys=keys,
                argv=argv,
            )
        )

    def _revoke(self, request: WriteRequest, caller: Caller, names: str) -> Done[None]:
        reply = self._writer.write(
            Write(
                script="token_revoke",
                request=request,
                keys={"tokens": self._keys.user_tokens(caller.id)},
                argv={
                    "names": names,
                    "role": caller.role,
                    "token_prefix": self._keys.token_prefix,
                    "revoked_for": REVOKED_FOR,
                },
            )
        )
        return Done(value=None, carried_out_by=reply.carried_out_by)


def _match(version: int | None) -> Value:
    return "" if version is None else version


def _credentials(record: dict[str, str]) -> Credentials:
    return Credentials(user=records.user(record), kept=record["password"])


def _user(reply: Reply, id: str) -> Done[User]:
    _refuse(reply, id)
    return Done(value=records.user(records.fields(reply.values)), carried_out_by=reply.carried_out_by)


def _refuse(reply: Reply, id: str) -> None:
    if reply.tag in ("NOT_FOUND", "FORGOTTEN"):
        raise NotFound("user", id)
    if reply.tag == "EMAIL_TAKEN":
        raise refused(EmailTaken("Another user has this email address."), reply)
    if reply.tag == "LAST_STAFF":
        raise refused(LastStaff("Nobody would be left who may run the shop."), reply)
    if reply.tag == "PRECONDITION_FAILED":
        raise refused(PreconditionFailed(int(reply.values[0])), reply)
