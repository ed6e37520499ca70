"""Vouchers in memory."""

from collections.abc import Callable
from dataclasses import replace

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.audit import differences
from shop.domain.errors import NotFound, PreconditionFailed, VoucherCodeTaken
from shop.domain.events import EventType
from shop.domain.pages import Page, Position
from shop.domain.vouchers import Voucher, VoucherRepository, voucher_code
from tests.fakes.paging import SortKey, page_of
from tests.fakes.store import FakeStore


class FakeVouchers(VoucherRepository):
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def get(self, code: str) -> Voucher:
        with self._store.reading():
            return self._found(code)

    def page(self, size: int, position: Position | None) -> Page[Voucher]:
        with self._store.reading():
            return page_of(self._store.vouchers.values(), _code, descending=False, size=size, position=position)

    def create(self, request: WriteRequest, voucher: Voucher) -> WriteResult[Voucher]:
        def effect() -> Voucher:
            if voucher.code in self._store.vouchers:
                raise VoucherCodeTaken
            self._store.vouchers[voucher.code] = voucher
            self._store.note(f"voucher:{voucher.code}", *differences({}, voucher.values()))
            self._store.emit(EventType.VOUCHER_CREATED, voucher.code, {"version": 1})
            return voucher

        return self._store.once(request, effect)

    def update(
        self, request: WriteRequest, code: str, change: Callable[[Voucher], Voucher], if_match: int | None
    ) -> WriteResult[Voucher]:
        def effect() -> Voucher:
            present = self._matching(code, if_match)
            voucher = change(present)
            self._store.vouchers[voucher.code] = voucher
            changes = differences(present.edited_values(), voucher.edited_values())
            self._store.note(f"voucher:{voucher.code}", *changes)
            data = {"version": voucher.version, "is_paused": voucher.is_paused}
            self._store.emit(EventType.VOUCHER_UPDATED, voucher.code, data)
            return voucher

        return self._store.once(request, effect)

    def delete(self, request: WriteRequest, code: str, if_match: int | None) -> WriteResult[None]:
        def effect() -> None:
            voucher = self._matching(code, if_match)
            del self._store.vouchers[voucher.code]
            for key in [key for key in self._store.redemptions if key[0] == voucher.code]:
                del self._store.redemptions[key]
            self._store.note(f"voucher:{voucher.code}")
            self._store.emit(EventType.VOUCHER_DELETED, voucher.code, {"version": voucher.version})

        return self._store.once(request, effect)

    def _matching(self, code: str, if_match: int | None) -> Voucher:
        voucher = self._found(code)
        if if_match not in (None, voucher.version):
            raise PreconditionFailed(voucher.version)
        return voucher

    def _found(self, code: str) -> Voucher:
        voucher = self._store.vouchers.get(voucher_code(code))
        if voucher is None:
            raise NotFound("voucher", code)
        return voucher


def redeem(store: FakeStore, voucher: Voucher, customer: str, purchase: str) -> None:
    """Count a redemption, as part of the present write."""
    store.vouchers[voucher.code] = replace(voucher, redeemed=voucher.redeemed + 1)
    store.redemptions[voucher.code, customer] += 1
    store.emit(EventType.VOUCHER_REDEEMED, voucher.code, {"purchase": purchase})


def give_back(store: FakeStore, code: str, id: str, customer: str, purchase: str) -> None:
    """Take a redemption back, where the voucher is the one that was redeemed still."""
    voucher = store.vouchers.get(code)
    if voucher is None or voucher.id != id:
        return
    store.vouchers[code] = replace(voucher, redeemed=voucher.redeemed - 1)
    store.redemptions[code, customer] -= 1
    store.emit(EventType.VOUCHER_RETURNED, code, {"purchase": purchase})


def redeem_again(store: FakeStore, purchase: str, code: str) -> bool:
    """Count once more what a purchase has given back; whether the limits of the voucher admit it."""
    id, customer = store.given_back.get(purchase, ("", ""))
    voucher = store.vouchers.get(code)
    if voucher is None or voucher.id != id:
        return True
    times, limits = store.redemptions[code, customer], (voucher.limit, voucher.limit_per_customer)
    if any(
        limit is not None and count >= limit for count, limit in zip((voucher.redeemed, times), limits, strict=True)
    ):
        return False
    store.redeemed[purchase] = store.given_back.pop(purchase)
    redeem(store, voucher, customer, purchase)
    return True


def _code(voucher: Voucher) -> SortKey:
    return (voucher.code,)
