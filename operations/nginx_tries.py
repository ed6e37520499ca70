"""Tries of a request, as nginx's access log has them in `upstream`, `upstream_status` and `upstream_time`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

#: Groups of instances in nginx.conf. Where nginx could ask none of a group, the group is in the place of an instance.
GROUPS = frozenset({"unlimited", "reads", "writes", "overflow_reads", "overflow_writes", "overflow_questions"})
# Between the tries of one request, and between those before and after an internal redirect.
_SEPARATOR = re.compile(r", | : ")


class Try(NamedTuple):
    """An instance, or a group of which none could be asked; the status of its answer and the seconds, or a dash."""

    upstream: str
    status: str
    seconds: str

    @property
    def reached_no_instance(self) -> bool:
        """Whether nginx could ask no instance of this group: each was at its limit, or out."""
        return self.upstream in GROUPS


def tries_of(line: Mapping[str, Any]) -> Sequence[Try]:
    """The tries of the request of this line of the log.

    Raises:
        ValueError: the three fields have different lengths.
    """
    if not line["upstream"]:
        return ()
    columns = (_SEPARATOR.split(line[field]) for field in ("upstream", "upstream_status", "upstream_time"))
    return [Try(*each) for each in zip(*columns, strict=True)]
