"""A request that comes again is carried out again. Answers are sent late: an instance that dies has some left."""

import time

from exactly_once import scripts
from shop.api import middleware

LATE = 0.2

_texts, _record = scripts._texts, middleware.record_request


def forgetful(folder):
    texts = _texts(folder)
    if "write" in texts:
        assert "if recorded then" in texts["write"]
        texts["write"] = texts["write"].replace("if recorded then", "if false then")
    return texts


def late(request, response, *rest, **others):
    if request.method == "POST":
        time.sleep(LATE)
    _record(request, response, *rest, **others)


scripts._texts, middleware.record_request = forgetful, late

from evergreen.wsgi import application  # noqa: E402

__all__ = ["application"]
