"""Use cases of vouchers."""

from collections.abc import Callable

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.vouchers import Voucher, VoucherTerms, voucher_code


def voucher_create(*, shop: Shop, request: WriteRequest, code: str, terms: VoucherTerms) -> WriteResult[Voucher]:
    """Create a voucher. Raises: VoucherCodeTaken."""
    now = shop.clock.now()
    voucher = Voucher(
        id=shop.ids.new(now),
        code=voucher_code(code),
        is_paused=False,
        redeemed=0,
        created_at=now,
        updated_at=now,
        version=1,
        **terms.values(),
    )
    return shop.vouchers.create(request, voucher)


def voucher_get(*, shop: Shop, code: str) -> Voucher:
    """Get a voucher. Raises: NotFound."""
    return shop.vouchers.get(code)


def voucher_list(*, shop: Shop, size: int, position: Position | None) -> Page[Voucher]:
    """List vouchers, by code."""
    return shop.vouchers.page(size, position)


def voucher_update(
    *, shop: Shop, request: WriteRequest, code: str, change: Callable[[Voucher], VoucherTerms], if_match: int | None
) -> WriteResult[Voucher]:
    """Update a voucher to the terms that `change` makes of the present one; a concurrent edit makes it run again.

    Raises:
        NotFound, PreconditionFailed, and what `change` raises.
    """
    now = shop.clock.now()

    def apply(voucher: Voucher) -> Voucher:
        return voucher.with_changes(at=now, **change(voucher).values())

    return shop.vouchers.update(request, code, apply, if_match)


def voucher_pause(*, shop: Shop, request: WriteRequest, code: str, is_paused: bool) -> WriteResult[Voucher]:
    """Pause a voucher, so that it is redeemed no more, or let it be redeemed again. Raises: NotFound."""
    now = shop.clock.now()

    def apply(voucher: Voucher) -> Voucher:
        return voucher.with_changes(at=now, is_paused=is_paused)

    return shop.vouchers.update(request, code, apply, None)


def voucher_delete(*, shop: Shop, request: WriteRequest, code: str, if_match: int | None) -> WriteResult[None]:
    """Delete a voucher.

    Raises:
        NotFound, PreconditionFailed.
    """
    return shop.vouchers.delete(request, code, if_match)
