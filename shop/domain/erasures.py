"""Erasures of users: how far they are."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureStep:
    """A step of an erasure: how many records it erased, and whether any are left."""

    erased: int
    is_complete: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingErasures:
    """Erasures that have begun and are not complete: how many, and the ids of the first users, the earliest first."""

    count: int
    users: Sequence[str]
