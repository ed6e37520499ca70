"""Erasures that are under way in Redis: the steps behind the first one, which users.py takes."""

from exactly_once import Reply, Store, WriteDeclaration, WriteRequest, WriteResult, returns
from shop.domain.erasures import ErasureStep, PendingErasures
from shop.domain.purchases import Status
from shop.repositories.keys import Keys

#: Records that one step erases: what others wait for takes well under a millisecond. An outcome may be as long as a
#: purchase of 100 lines, so a step has fewer of them.
MAX_OUTCOMES, MAX_PURCHASES = 20, 50

ERASE = WriteDeclaration(
    script="user_erase",
    keys=("erasures", "user_purchases", "erasing_purchases", "transfers_stored", "transfers_due"),
    args=(
        "id",
        "max_outcomes",
        "max_purchases",
        "statuses",
        "user_prefix",
        "purchase_prefix",
        "return_prefix",
        "transfer_prefix",
    ),
    replies={
        "CONTINUED": returns(lambda reply: _step(reply, is_complete=False)),
        "COMPLETE": returns(lambda reply: _step(reply, is_complete=True)),
    },
)


def _step(reply: Reply, *, is_complete: bool) -> ErasureStep:
    return ErasureStep(erased=int(reply.values[0]), is_complete=is_complete)


class RedisErasures:
    """Stores the ids of users whose erasure has begun, by the instant of that, until it is complete."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def pending_erasures(self, max_users: int) -> PendingErasures:
        count = int(self._store.read(("ZCARD", self._keys.erasures)))
        users = self._store.read(("ZRANGE", self._keys.erasures, 0, max_users - 1)) if count else ()
        return PendingErasures(count=count, users=users)

    def continue_erasure(self, request: WriteRequest, id: str) -> WriteResult[ErasureStep]:
        keys = self._keys
        call = ERASE.call(
            request,
            keys={
                "erasures": keys.erasures,
                "user_purchases": keys.user_purchases(id),
                "erasing_purchases": keys.erasing_purchases(id),
                "transfers_stored": keys.transfers_stored,
                "transfers_due": keys.transfers_due,
            },
            args={
                "id": id,
                "max_outcomes": MAX_OUTCOMES,
                "max_purchases": MAX_PURCHASES,
                "statuses": " ".join(Status),
                "user_prefix": keys.user_prefix,
                "purchase_prefix": keys.purchase_prefix,
                "return_prefix": keys.return_prefix,
                "transfer_prefix": keys.transfer_prefix,
            },
            about=id,
        )
        return self._store.write(call)
