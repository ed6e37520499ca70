"""Users in memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from exactly_once.rate_limits import UNLIMITED, RateLimit
from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.accounts import email_locator
from shop.domain.audit import differences
from shop.domain.callers import Caller, Role
from shop.domain.erasures import ErasureStep, PendingErasures
from shop.domain.errors import EmailTaken, LastStaff, NotFound, PreconditionFailed
from shop.domain.events import EventType
from shop.domain.outcomes import RecordedOutcome
from shop.domain.pages import Page, Position
from shop.domain.ports import MAX_KNOWN_NETWORKS, Credentials, UserRepository
from shop.domain.purchases import Purchase
from shop.domain.sessions import MAX_LIVE_TOKENS, Session, session_id
from shop.domain.surroundings import Clock
from shop.domain.users import StoredToken, User, email_key
from shop.repositories.erasures import MAX_PURCHASES
from tests.fakes.paging import SortKey, page_of
from tests.fakes.store import FakeStore, FakeToken, each


class FakeUsers(UserRepository):
    def __init__(self, store: FakeStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def get(self, id: str) -> User:
        with self._store.reading():
            return self._found(id)

    def page(self, search: str, size: int, position: Position | None) -> Page[User]:
        with self._store.reading():
            users = [user for user in self._store.users.values() if email_key(user.email).startswith(email_key(search))]
            return page_of(users, _creation, descending=True, size=size, position=position)

    def credentials(self, email: str) -> Credentials | None:
        with self._store.reading():
            user = self._with(email)
            return self.credentials_by_id(user.id) if user else None

    def credentials_by_id(self, id: str) -> Credentials:
        with self._store.reading():
            return Credentials(
                user=self._found(id),
                password_hash=self._store.password_hashes[id],
                networks=self._store.networks.get(id, {}),
            )

    def register(self, request: WriteRequest, user: User, password_hash: str) -> WriteResult[User]:
        def effect() -> User:
            return self.add(user, password_hash)

        return self._store.once(request, effect, _subject)

    def add(self, user: User, password_hash: str) -> User:
        self._refuse_taken(user)
        self._store.password_hashes[user.id] = password_hash
        self._store.note(f"user:{user.id}", ("email", None, user.email), ("role", None, user.role))
        self._store.emit(EventType.USER_REGISTERED, user.id, {"role": str(user.role)})
        return self._put(user)

    def register_all(self, users: Sequence[tuple[WriteRequest, User, str]]) -> Sequence[WriteResult[User] | Exception]:
        return each(self.register, users)

    def update(
        self, request: WriteRequest, id: str, change: Callable[[User], User], if_match: int | None
    ) -> WriteResult[User]:
        def effect() -> User:
            present = self._matching(id, if_match)
            user = change(present)
            self._refuse_taken(user)
            self._store.note(f"user:{id}", *differences(_named(present), _named(user)))
            self._store.emit(EventType.USER_UPDATED, id, {"version": user.version})
            return self._put(user)

        return self._store.once(request, effect, _subject)

    def delete(
        self, request: WriteRequest, id: str, if_match: int | None, confirm: Callable[[], None] | None = None
    ) -> WriteResult[None]:
        def effect() -> None:
            if confirm:
                confirm()
            erased = self._matching(id, if_match)
            self._refuse_last(erased)
            self.revoke(id, request)
            self._store.erase_outcomes(id)
            self._store.resets.pop(id, None)
            self._store.addresses.pop(id, None)
            self._store.default_addresses.pop(id, None)
            self._store.registrations.pop(email_locator(self._store.users[id].email), None)
            del self._store.users[id], self._store.password_hashes[id]
            theirs = {p.id: _without(p, id) for p in self._store.purchases.values() if p.user == id}
            self._store.purchases.update(theirs)
            anonymous = {r.id: replace(r, reason="") for r in self._store.returns.values() if r.purchase in theirs}
            self._store.returns.update(anonymous)
            self._store.carts = {id: each for id, each in self._store.carts.items() if each[0].owner != erased.id}
            if theirs:
                self._store.erasures[id] = len(theirs)
            self._store.drop_personal_exports()
            self._store.note(f"user:{id}")
            self._store.emit(EventType.USER_ERASED, id, {"role": str(erased.role)})

        return self._store.once(request, effect)

    def pending_erasures(self, max_users: int) -> PendingErasures:
        with self._store.reading():
            return PendingErasures(count=len(self._store.erasures), users=[*self._store.erasures][:max_users])

    def continue_erasure(self, request: WriteRequest, id: str) -> WriteResult[ErasureStep]:
        def effect() -> ErasureStep:
            left = self._store.erasures.pop(id, 0)
            if left > MAX_PURCHASES:
                self._store.erasures[id] = left - MAX_PURCHASES
            return ErasureStep(erased=min(left, MAX_PURCHASES), is_complete=left <= MAX_PURCHASES)

        return self._store.once(request, effect)

    def outcomes(self, user: str, size: int, position: Position | None) -> Page[RecordedOutcome]:
        now = self._clock.now()
        recorded = [
            RecordedOutcome(request_id=id, expires_at=now + timedelta(seconds=ttl_s))
            for id, ttl_s in self._store.outcomes_of(user)
        ]
        page = page_of(recorded, lambda each: (each.request_id,), descending=False, size=size, position=position)
        return replace(page, previous=None)

    def set_role(
        self, request: WriteRequest, id: str, role: Role, at: datetime, confirm: Callable[[], None] | None = None
    ) -> WriteResult[User]:
        def effect() -> User:
            if confirm:
                confirm()
            user = self._found(id)
            self._store.note(f"user:{id}")
            if role is user.role:
                return user
            self._refuse_last(user)
            self._store.note(f"user:{id}", ("role", user.role, role))
            self._store.emit(EventType.USER_ROLE_SET, id, {"role": str(role)})
            return self._put(replace(user, role=role, updated_at=at, version=user.version + 1))

        return self._store.once(request, effect, _subject)

    def set_password(
        self, request: WriteRequest, caller: Caller, hashed: Callable[[Credentials], str]
    ) -> WriteResult[None]:
        def effect() -> None:
            user = self._found(caller.id)
            self._store.password_hashes[user.id] = hashed(self.credentials_by_id(user.id))
            self.revoke(user.id, request, but=caller.token)
            self._store.note(f"user:{user.id}")

        return self._store.once(request, effect)

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
        def effect() -> StoredToken:
            user = self._found(checked.user.id)
            if self._store.password_hashes[user.id] != checked.password_hash:
                raise NotFound("user", user.id)
            if new_hash:
                self._store.password_hashes[user.id] = new_hash
            if network:
                former = {each: then for each, then in checked.networks.items() if each != network}
                self._store.networks[user.id] = dict([(network, at), *former.items()][:MAX_KNOWN_NETWORKS])
            self._store.tokens[digest] = FakeToken(user=user.id, created_at=at, expires_at=expires_at)
            for oldest in self._live(user.id, at)[MAX_LIVE_TOKENS:]:
                del self._store.tokens[oldest]
            self._store.note(f"user:{user.id}", ("session", None, session_id(digest)))
            return StoredToken(expires_at=expires_at, sealed=sealed)

        return self._store.once(request, effect)

    def caller(self, token: str, request_id: str, limit: RateLimit = UNLIMITED) -> Caller | None:
        with self._store.reading():
            held = self._store.tokens.get(token)
            if held is None or held.expires_at <= self._clock.now() or held.created_at < self._store.tokens_not_before:
                return None
            if held.revoked_by not in ("", request_id):
                return None
            self._store.admit([replace(limit, key=limit.key + held.user)])
            if held.revoked_by:
                return held.stood_for
            used = held.last_used_at or held.created_at
            return Caller(id=held.user, role=self._found(held.user).role, token=token, last_used_at=used)

    def record_token_use(self, request: WriteRequest, token: str, at: datetime) -> WriteResult[None]:
        def effect() -> None:
            held = self._store.tokens.get(token)
            if held and not held.revoked_by:
                held.last_used_at = at

        return self._store.once(request, effect)

    def sessions(self, caller: Caller, at: datetime) -> Sequence[Session]:
        with self._store.reading():
            return [self._session(digest, caller.token) for digest in self._live(caller.id, at)]

    def revoke_every_token(self, request: WriteRequest, at: datetime) -> WriteResult[None]:
        def effect() -> None:
            self._store.tokens_not_before = at
            self._store.note("user:*")

        return self._store.once(request, effect)

    def revoke_session(self, request: WriteRequest, caller: Caller, id: str, at: datetime) -> WriteResult[None]:
        def effect() -> None:
            digest = next((digest for digest in self._live(caller.id, at) if session_id(digest) == id), None)
            if digest is None:
                raise NotFound("session", id)
            self._revoke_one(digest, request)
            self._store.note(f"user:{caller.id}", ("session", id, None))

        return self._store.once(request, effect)

    def revoke_token(self, request: WriteRequest, caller: Caller) -> WriteResult[None]:
        def effect() -> None:
            self._revoke_one(caller.token, request)
            self._store.note(f"user:{caller.id}", ("session", session_id(caller.token), None))

        return self._store.once(request, effect)

    def revoke_tokens(self, request: WriteRequest, caller: Caller) -> WriteResult[None]:
        def effect() -> None:
            self.revoke(caller.id, request)
            self._store.note(f"user:{caller.id}")

        return self._store.once(request, effect)

    def _live(self, user: str, at: datetime) -> Sequence[str]:
        """The digests of a user's live tokens, the one that expires last first."""
        held = self._store.tokens
        first = self._store.tokens_not_before
        live = [each for each, token in held.items() if token.user == user and not token.revoked_by]
        live = [each for each in live if held[each].created_at >= first]
        return sorted(
            (each for each in live if held[each].expires_at > at), key=lambda each: held[each].expires_at, reverse=True
        )

    def _session(self, digest: str, current: str) -> Session:
        held = self._store.tokens[digest]
        return Session(
            id=session_id(digest),
            digest=digest,
            created_at=held.created_at,
            last_used_at=held.last_used_at,
            expires_at=held.expires_at,
            is_current=digest == current,
        )

    def _found(self, id: str) -> User:
        if id not in self._store.users:
            raise NotFound("user", id)
        return self._store.users[id]

    def _with(self, email: str) -> User | None:
        return next((u for u in self._store.users.values() if email_key(u.email) == email_key(email)), None)

    def _matching(self, id: str, if_match: int | None) -> User:
        user = self._found(id)
        if if_match not in (None, user.version):
            raise PreconditionFailed(user.version)
        return user

    def _put(self, user: User) -> User:
        self._store.users[user.id] = user
        return user

    def _refuse_taken(self, user: User) -> None:
        other = self._with(user.email)
        if other and other.id != user.id:
            raise EmailTaken

    def _refuse_last(self, user: User) -> None:
        staff = [u.id for u in self._store.users.values() if u.role is Role.STAFF]
        if staff == [user.id]:
            raise LastStaff

    def revoke(self, user: str, request: WriteRequest, but: str = "") -> None:
        for name, held in self._store.tokens.items():
            if held.user == user and name != but:
                self._revoke_one(name, request)

    def _revoke_one(self, name: str, request: WriteRequest) -> None:
        held = self._store.tokens.get(name)
        if held and not held.revoked_by:
            held.stood_for = Caller(id=held.user, role=self._found(held.user).role, token=name)
            held.revoked_by = request.id


def _subject(user: User) -> str:
    return user.id


def _named(user: User) -> dict[str, str]:
    return {"email": user.email, "first_name": user.first_name, "last_name": user.last_name}


def _creation(user: User) -> SortKey:
    return user.created_at.isoformat(timespec="milliseconds"), user.id


def _without(purchase: Purchase, user: str) -> Purchase:
    if purchase.user != user:
        return purchase
    history = tuple(replace(event, by=None) if event.by == user else event for event in purchase.history)
    shipments = tuple(replace(shipment, tracking="") for shipment in purchase.shipments)
    return replace(purchase, user=None, email="", shipping_address=None, history=history, shipments=shipments)
