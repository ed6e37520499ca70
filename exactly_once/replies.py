"""Replies of servers that are text or flat lists, as mappings."""

from collections.abc import Sequence
from typing import Any


def parse_pairs(flat: Sequence[Any]) -> dict[str, str]:
    """The mapping that a server sends as a flat list of names and values, as CONFIG GET and HGETALL do."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def parse_info(text: str) -> dict[str, str]:
    """The fields of an INFO reply, without its section headings."""
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
