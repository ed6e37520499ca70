"""The tokens of users in Redis."""

from collections.abc import Sequence
from datetime import datetime

from exactly_once import Reply, Store, WriteCall, WriteDeclaration, WriteRequest, WriteResult, fails, returns
from exactly_once.declarations import Value
from exactly_once.rate_limits import UNLIMITED, RateLimit
from shop.domain.callers import Caller, Role
from shop.domain.errors import NotFound
from shop.domain.ports import MAX_KNOWN_NETWORKS, Credentials
from shop.domain.sessions import MAX_LIVE_TOKENS, Session, session_id
from shop.domain.users import StoredToken
from shop.repositories import records
from shop.repositories.keys import Keys

#: How long a revoked token lets the request through that revoked it, in seconds: as long as that request may repeat.
REVOKED_FOR_S = 600


def _stored_token(reply: Reply) -> StoredToken:
    # Before secrets were sealed, the outcome was the expiry alone.
    expires_at, sealed = (*reply.values, "")[:2]
    return StoredToken(expires_at=records.instant(expires_at), sealed=sealed)


ISSUE_TOKEN = WriteDeclaration(
    script="token_issue",
    kind="user",
    keys=("user", "token", "tokens"),
    args=(
        *("id", "checked_hash", "new_hash", "digest", "at", "expires_at", "sealed", "max_tokens", "token_prefix"),
        *("network", "max_networks"),
    ),
    replies={
        "ISSUED": returns(_stored_token),
        "NOT_FOUND": fails(lambda reply: NotFound("user", reply.about)),
    },
)
REVOKE_TOKEN: WriteDeclaration[None] = WriteDeclaration(
    script="token_revoke",
    kind="user",
    keys=("tokens",),
    args=("digest", "role", "token_prefix", "revoked_for"),
    replies={"REVOKED": returns(lambda reply: None)},
)
REVOKE_EVERY_TOKEN: WriteDeclaration[None] = WriteDeclaration(
    script="token_revoke_every",
    kind="user",
    keys=("tokens_not_before",),
    args=("at",),
    replies={"REVOKED": returns(lambda reply: None)},
)
USE_TOKEN: WriteDeclaration[None] = WriteDeclaration(
    script="token_use",
    keys=("token",),
    args=("at",),
    replies={"RECORDED": returns(lambda reply: None)},
)


class RedisUserTokens:
    """Stores each token in a hash under its digest, and the digests of a user's tokens in a set ordered by expiry."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def issue_token(
        self,
        request: WriteRequest,
        checked: Credentials,
        digest: str,
        at: datetime,
        expires_at: datetime,
        sealed: str,
        new_hash: str = "",
        network: str = "",
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
                "new_hash": new_hash,
                "digest": digest,
                "at": records.milliseconds(at),
                "expires_at": records.milliseconds(expires_at),
                "sealed": sealed,
                "max_tokens": MAX_LIVE_TOKENS,
                "token_prefix": self._keys.token_prefix,
                "network": network,
                "max_networks": MAX_KNOWN_NETWORKS,
            },
            about=user,
            changes=[("session", None, session_id(digest))],
        )
        return self._store.write(call)

    def caller(self, token: str, request_id: str, limit: RateLimit = UNLIMITED) -> Caller | None:
        found = self._store.read_limited(
            "token_caller",
            keys={"token": self._keys.token(token), "tokens_not_before": self._keys.tokens_not_before},
            args={"digest": token, "request_id": request_id, "user_prefix": self._keys.user_prefix},
            limit=limit,
        )
        if not found:
            return None
        id, role, used = found
        return Caller(id=id, role=Role(role), token=token, last_used_at=records.instant(used) if used else None)

    def record_token_use(self, request: WriteRequest, token: str, at: datetime) -> WriteResult[None]:
        keys = {"token": self._keys.token(token)}
        return self._store.write(USE_TOKEN.call(request, keys=keys, args={"at": records.milliseconds(at)}))

    def sessions(self, caller: Caller, at: datetime) -> Sequence[Session]:
        found = self._store.read_script(
            "token_page",
            keys={"tokens": self._keys.user_tokens(caller.id), "tokens_not_before": self._keys.tokens_not_before},
            args={"at": records.milliseconds(at), "wanted": MAX_LIVE_TOKENS, "token_prefix": self._keys.token_prefix},
        )
        return [_session(values, caller.token) for values in found]

    def revoke_token(self, request: WriteRequest, caller: Caller) -> WriteResult[None]:
        return self._store.write(self._revocation(request, caller, caller.token))

    def revoke_tokens(self, request: WriteRequest, caller: Caller) -> WriteResult[None]:
        return self._store.write(self._revocation(request, caller, ""))

    def revoke_every_token(self, request: WriteRequest, at: datetime) -> WriteResult[None]:
        keys = {"tokens_not_before": self._keys.tokens_not_before}
        args: dict[str, Value] = {"at": records.milliseconds(at)}
        return self._store.write(REVOKE_EVERY_TOKEN.call(request, keys=keys, args=args, about="*"))

    def revoke_session(self, request: WriteRequest, caller: Caller, id: str, at: datetime) -> WriteResult[None]:
        def prepare() -> WriteCall[None]:
            digest = next((each.digest for each in self.sessions(caller, at) if each.id == id), None)
            if digest is None:
                raise NotFound("session", id)
            return self._revocation(request, caller, digest)

        return self._store.write_optimistic(REVOKE_TOKEN, request, prepare)

    def _revocation(self, request: WriteRequest, caller: Caller, digest: str) -> WriteCall[None]:
        args: dict[str, Value] = {
            "digest": digest,
            "role": caller.role or "",
            "token_prefix": self._keys.token_prefix,
            "revoked_for": REVOKED_FOR_S,
        }
        keys = {"tokens": self._keys.user_tokens(caller.id)}
        changes = [("session", session_id(digest), None)] if digest else ()
        return REVOKE_TOKEN.call(request, keys=keys, args=args, about=caller.id, changes=changes)


def _session(values: Sequence[str], current: str) -> Session:
    digest, expires_at, created_at, last_used_at = values
    return Session(
        id=session_id(digest),
        digest=digest,
        created_at=records.instant(created_at) if created_at else None,
        last_used_at=records.instant(last_used_at) if last_used_at else None,
        expires_at=records.instant(expires_at),
        is_current=digest == current,
    )
