"""How far a store has come: its revision counts its writes, repeats included (etcd's word)."""

import threading


class RevisionWatermark:
    """The latest revision that this process knows of. A node with an earlier one serves the past."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._value = 0
        self._lock = threading.Lock()

    @property
    def value(self) -> int:
        return self._value

    def advance_to(self, revision: int) -> None:
        """Note a revision. News that come late change nothing: what is known never shrinks."""
        with self._lock:
            self._value = max(self._value, revision)

    def reset_to(self, revision: int, known: int) -> None:
        """Note that the primary itself is at an earlier revision than the one that was `known` when it was asked: the
        store was restored from a backup. A watermark that has advanced since stays."""
        with self._lock:
            if self._value == known:
                self._value = revision
