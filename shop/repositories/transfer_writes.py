"""The writes of imports and exports, as their scripts declare them."""

from exactly_once import Reply, WriteDeclaration, fails, refuses, returns
from shop.domain.errors import NotFound, TooManyTransfers, TransfersFull, UploadLost
from shop.domain.transfers import MAX_STORED, ClaimLost, Transfer
from shop.repositories import records


class NoneDue(Exception):
    """No transfer is due."""


_LOST_CLAIM = fails(lambda reply: ClaimLost("Another worker has the transfer, or it was cancelled."))
_LOST_UPLOAD = fails(lambda reply: UploadLost("The upload was begun anew, was cancelled, or paused for too long."))
_FULL = fails(
    lambda reply: TransfersFull(
        "The data of imports and exports takes as much memory as it may, or the store is short of it."
    )
)
_NOT_FOUND = fails(lambda reply: NotFound("transfer", reply.about))
_STEP_ARGS = ("id", "claim", "step", "fields", "done", "failed", "failures", "lease_ms", "data_ttl_ms")
_BYTES_ARGS = ("transfer_prefix", "max_stored", "max_stored_bytes")


def _transfer(reply: Reply) -> Transfer:
    return records.TRANSFER.read_flat(reply.values)


def _nothing(reply: Reply) -> None:
    return None


CREATE = WriteDeclaration(
    script="transfer_create",
    kind="transfer",
    keys=("transfer", "transfers", "stored", "due"),
    args=(
        *("id", "fields", "oldest", "max_stored", "record_ttl_s", "data_ttl_ms", "is_due"),
        *("transfer_prefix", "max_listed", "max_with_errors"),
    ),
    replies={
        "CREATED": returns(_transfer),
        "TOO_MANY": refuses(lambda reply: TooManyTransfers(f"The data of {MAX_STORED} is stored.")),
    },
)
OPEN = WriteDeclaration(
    script="transfer_open",
    kind="transfer",
    keys=("transfer", "data", "stored"),
    args=("id", "refused"),
    replies={"OPENED": returns(_transfer), "NOT_FOUND": _NOT_FOUND},
)
APPEND: WriteDeclaration[None] = WriteDeclaration(
    script="transfer_append",
    kind="transfer",
    keys=("transfer", "data", "stored"),
    args=("id", "upload", "number", "chunk", "data_ttl_ms", *_BYTES_ARGS),
    replies={"APPENDED": returns(_nothing), "UPLOAD_LOST": _LOST_UPLOAD, "FULL": _FULL},
)
ENQUEUE = WriteDeclaration(
    script="transfer_enqueue",
    kind="transfer",
    keys=("transfer", "data", "stored", "due"),
    args=("id", "upload", "fields", "record_ttl_s", "data_ttl_ms"),
    replies={"QUEUED": returns(_transfer), "UPLOAD_LOST": _LOST_UPLOAD},
)
CLAIM: WriteDeclaration[Transfer | None] = WriteDeclaration(
    script="transfer_claim",
    kind="transfer",
    keys=("due", "stored"),
    args=("lease_ms", "transfer_prefix"),
    replies={"CLAIMED": returns(_transfer), "IDLE": fails(lambda reply: NoneDue())},
)
ADVANCE: WriteDeclaration[None] = WriteDeclaration(
    script="transfer_advance",
    kind="transfer",
    keys=("transfer", "errors", "due", "data", "stored"),
    args=(*_STEP_ARGS, "settled", "chunk", "number", *_BYTES_ARGS),
    replies={"ADVANCED": returns(_nothing), "CLAIM_LOST": _LOST_CLAIM, "FULL": _FULL},
)
IMPORT_STOCK: WriteDeclaration[None] = WriteDeclaration(
    script="product_import_stock",
    kind="transfer",
    keys=("transfer", "errors", "due", "data", "stored", "skus", "in_stock", "sold_out"),
    args=(*_STEP_ARGS, "rows", "max_stock", "by", "product_prefix", "movements_prefix", "holds_prefix"),
    replies={"IMPORTED": returns(_nothing), "CLAIM_LOST": _LOST_CLAIM},
)
FINISH: WriteDeclaration[None] = WriteDeclaration(
    script="transfer_finish",
    kind="transfer",
    keys=("transfer", "data", "due", "stored"),
    args=("id", "claim", "step", "status", "error", "at", "data_ttl_ms"),
    replies={"FINISHED": returns(_nothing), "CLAIM_LOST": _LOST_CLAIM},
)
CANCEL: WriteDeclaration[None] = WriteDeclaration(
    script="transfer_cancel",
    kind="transfer",
    keys=("transfer", "data", "due", "stored"),
    args=("id", "at"),
    replies={"CANCELLED": returns(_nothing), "NOT_FOUND": _NOT_FOUND},
)
