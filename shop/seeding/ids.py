"""Names that come from the data, so that loading it again finds what is there."""

from hashlib import blake2b
from uuid import UUID

_VERSION, _VARIANT = 7, 0b10


def derived_id(at: int, *names: object) -> str:
    """A UUIDv7 of the instant `at`, in milliseconds since 1970, whose other bits are a hash of the names: the same for
    the same data, always."""
    digest = int.from_bytes(blake2b("/".join(map(str, names)).encode(), digest_size=10).digest(), "big")
    high, low = (digest >> 62) & 0xFFF, digest & (2**62 - 1)
    return str(UUID(int=at << 80 | _VERSION << 76 | high << 64 | _VARIANT << 62 | low))


def draw(most: int, *names: object) -> int:
    """A number from 0 to below `most` that depends on the names alone."""
    return int.from_bytes(blake2b("/".join(map(str, names)).encode(), digest_size=8).digest(), "big") % most


def related_id(id: str, name: str) -> str:
    """The id of something that belongs to what has this id, of the same instant."""
    return derived_id(UUID(id).int >> 80, id, name)
