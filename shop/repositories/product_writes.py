"""The writes of products, as their scripts declare them."""

from exactly_once import Reply, WriteDeclaration, fails, refuses, returns
from shop.domain.errors import (
    FieldError,
    InsufficientStock,
    Invalid,
    NotFound,
    PreconditionFailed,
    Shortage,
    SkuTaken,
    StockChanged,
)
from shop.domain.products import MAX_UNITS, Product
from shop.repositories import records


def _product(reply: Reply) -> Product:
    return records.PRODUCT.read_flat(reply.values)


def _insufficient_stock(reply: Reply) -> InsufficientStock:
    requested, available = -int(reply.args["delta"]), int(reply.values[0])
    return InsufficientStock([Shortage(product=reply.about, requested=requested, available=available)])


def _stock_too_large(_: Reply) -> Invalid:
    return Invalid(FieldError("/delta", "stock-too-large", f"A stock may be at most {MAX_UNITS}."))


_PRECONDITION_FAILED = refuses(lambda reply: PreconditionFailed(int(reply.values[0])))
_NOT_FOUND = fails(lambda reply: NotFound("product", reply.about))

CREATE = WriteDeclaration(
    script="product_create",
    kind="product",
    keys=("product", "skus", "product_sequence", "product_ids", "in_stock", "sold_out", "categories", "companies"),
    args=("id", "sku", "stock", "category", "company", "fields", "sets", "price_bitmaps", "entries"),
    replies={
        "CREATED": returns(_product),
        "SKU_TAKEN": refuses(lambda reply: SkuTaken("Another product has this SKU.")),
    },
)
UPDATE = WriteDeclaration(
    script="product_update",
    kind="product",
    keys=("product", "categories", "companies"),
    args=(
        "base",
        "if_match",
        "fields",
        "sets_joined",
        "sets_left",
        "bitmaps_added",
        "bitmaps_removed",
        "old_entries",
        "entries",
        "category_prefix",
        "company_prefix",
        "category",
        "company",
    ),
    replies={"UPDATED": returns(_product), "PRECONDITION_FAILED": _PRECONDITION_FAILED, "NOT_FOUND": _NOT_FOUND},
    is_optimistic=True,
)
WITHDRAW: WriteDeclaration[None] = WriteDeclaration(
    script="product_withdraw",
    kind="product",
    keys=("product", "skus", "product_ids", "in_stock", "sold_out", "categories", "companies"),
    args=("base", "if_match", "sets", "price_bitmaps", "entries", "category_prefix", "company_prefix"),
    replies={
        "WITHDRAWN": returns(lambda reply: None),
        "PRECONDITION_FAILED": _PRECONDITION_FAILED,
        "NOT_FOUND": _NOT_FOUND,
    },
    is_optimistic=True,
)
ADJUST_STOCK = WriteDeclaration(
    script="product_adjust_stock",
    kind="product",
    keys=("product", "in_stock", "sold_out"),
    args=("id", "delta", "expected", "max_stock", "by", "product_prefix", "movements_prefix", "holds_prefix"),
    replies={
        "ADJUSTED": returns(lambda reply: int(reply.values[0])),
        "STOCK_CHANGED": refuses(lambda reply: StockChanged(int(reply.values[0]))),
        "INSUFFICIENT_STOCK": refuses(_insufficient_stock),
        "STOCK_TOO_LARGE": fails(_stock_too_large),
        "NOT_FOUND": _NOT_FOUND,
    },
)
