"""Reads of the catalogue come from any node that answers, however far it is behind."""

import random

from exactly_once.reads import Consistency, Reader

assert hasattr(Reader, "_is_recent")
_candidates = Reader._candidates


def any_node(self, view, consistency):
    if consistency is Consistency.CAUSAL:
        yield from random.sample(view.known, len(view.known))
    yield from _candidates(self, view, consistency)


Reader._candidates = any_node  # type: ignore[method-assign]
Reader._is_recent = lambda *_: True  # type: ignore[method-assign]

from evergreen.wsgi import application  # noqa: E402

__all__ = ["application"]
