"""Vouchers in Redis."""

from collections.abc import Callable

from exactly_once import Reply, Store, WriteCall, WriteDeclaration, WriteRequest, WriteResult, fails, refuses, returns
from shop.domain.audit import differences
from shop.domain.errors import NotFound, PreconditionFailed, VoucherCodeTaken
from shop.domain.pages import Page, Position
from shop.domain.vouchers import Voucher, VoucherRepository, voucher_code
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window


def _voucher(reply: Reply) -> Voucher:
    return records.VOUCHER.read_flat(reply.values)


_PRECONDITION_FAILED = refuses(lambda reply: PreconditionFailed(int(reply.values[0])))
_NOT_FOUND = fails(lambda reply: NotFound("voucher", reply.about))

CREATE = WriteDeclaration(
    script="voucher_create",
    kind="voucher",
    keys=("voucher", "vouchers"),
    args=("code", "fields"),
    replies={
        "CREATED": returns(_voucher),
        "CODE_TAKEN": refuses(lambda reply: VoucherCodeTaken("Another voucher has this code.")),
    },
)
UPDATE = WriteDeclaration(
    script="voucher_update",
    kind="voucher",
    keys=("voucher",),
    args=("code", "base", "if_match", "fields"),
    replies={"UPDATED": returns(_voucher), "PRECONDITION_FAILED": _PRECONDITION_FAILED, "NOT_FOUND": _NOT_FOUND},
    is_optimistic=True,
)
DELETE: WriteDeclaration[None] = WriteDeclaration(
    script="voucher_delete",
    kind="voucher",
    keys=("voucher", "vouchers", "voucher_customers"),
    args=("code", "if_match"),
    replies={
        "DELETED": returns(lambda reply: None),
        "PRECONDITION_FAILED": _PRECONDITION_FAILED,
        "NOT_FOUND": _NOT_FOUND,
    },
)


class RedisVoucherRepository(VoucherRepository):
    """Stores each voucher in a hash under its code, and the codes in an ordered set."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def get(self, code: str) -> Voucher:
        record = records.pairs(self._store.read(("HGETALL", self._keys.voucher(voucher_code(code)))))
        if not record:
            raise NotFound("voucher", code)
        return records.VOUCHER.read(record)

    def page(self, size: int, position: Position | None) -> Page[Voucher]:
        window = Window(size=size, position=position, descending=False)
        found = self._store.read_script(
            "voucher_page",
            keys={"vouchers": self._keys.vouchers},
            args={**window.args(), "voucher_prefix": self._keys.voucher_prefix},
        )
        vouchers = [records.VOUCHER.read_flat(flat) for flat in found]
        return window.page([(voucher.code, voucher) for voucher in vouchers])

    def create(self, request: WriteRequest, voucher: Voucher) -> WriteResult[Voucher]:
        call = CREATE.call(
            request,
            keys={"voucher": self._keys.voucher(voucher.code), "vouchers": self._keys.vouchers},
            args={"code": voucher.code, "fields": records.VOUCHER.creation(voucher)},
            about=voucher.code,
            changes=[*differences({}, voucher.values())],
        )
        return self._store.write(call)

    def update(
        self, request: WriteRequest, code: str, change: Callable[[Voucher], Voucher], if_match: int | None
    ) -> WriteResult[Voucher]:
        def prepare() -> WriteCall[Voucher]:
            voucher = self.get(code)
            changed = change(voucher) if if_match in (None, voucher.version) else voucher
            return self._put(request, voucher, changed, if_match)

        return self._store.write_optimistic(UPDATE, request, prepare)

    def delete(self, request: WriteRequest, code: str, if_match: int | None) -> WriteResult[None]:
        stored = voucher_code(code)
        call = DELETE.call(
            request,
            keys={
                "voucher": self._keys.voucher(stored),
                "vouchers": self._keys.vouchers,
                "voucher_customers": self._keys.voucher_customers(stored),
            },
            args={"code": stored, "if_match": "" if if_match is None else if_match},
            about=stored,
        )
        return self._store.write(call)

    def _put(self, request: WriteRequest, old: Voucher, new: Voucher, if_match: int | None) -> WriteCall[Voucher]:
        return UPDATE.call(
            request,
            keys={"voucher": self._keys.voucher(old.code)},
            args={
                "code": old.code,
                "base": old.version,
                "if_match": "" if if_match is None else if_match,
                "fields": records.VOUCHER.update(new),
            },
            about=old.code,
            changes=[*differences(old.edited_values(), new.edited_values())],
        )
