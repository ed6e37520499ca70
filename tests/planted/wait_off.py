"""A write is acknowledged as soon as the primary has it."""

import os

os.environ["EVERGREEN_DURABILITY"] = "memory"

from evergreen.wsgi import application

__all__ = ["application"]
