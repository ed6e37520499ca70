"""What a change of the numbers of data nodes and Sentinels asks of the Sentinels, and waits for. ADR 60."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from exactly_once.client import Address, Nodes, run_once
from exactly_once.credentials import Credentials
from exactly_once.errors import ServerError
from exactly_once.sentinels import Sentinels, SentinelView

#: In which Sentinels find each other, or a node down.
TIMEOUT_S, SETTING_TIMEOUT_S, POLL_S = 60.0, 3.0, 0.2


class NotReached(Exception):
    """The Sentinels have not done it in time; the text names what is missing. A repeat is safe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SentinelGroup:
    """The Sentinels at these addresses, which watch the primary of this name."""

    addresses: Sequence[Address]
    name: str
    credentials: Credentials | None

    def set_quorum(self, count: int) -> None:
        """Have each take a majority of `count` Sentinels for its quorum. Raises NotReached, ErrorReply."""
        for address in self.addresses:
            # It writes its file first, which takes time on a busy disk.
            wait_until(partial(self._takes, address, count // 2 + 1), f"{address} takes no quorum")

    def _takes(self, address: Address, quorum: int) -> bool:
        command = ("SENTINEL", "SET", self.name, "quorum", quorum)
        try:
            run_once(address, command, timeout=SETTING_TIMEOUT_S, credentials=self.credentials)
        except ServerError:
            return False
        return True

    def wait_until_agreed(self) -> None:
        """Return when all name one primary, and each knows all of the others. Raises NotReached."""
        wait_until(self._agree, "not all Sentinels agree on a primary and know each other: see `doctor`")

    def _agree(self) -> bool:
        views = self._views()
        known = [view for view in views if view and view.sentinels >= len(views)]
        return len(known) == len(views) and len({view.primary for view in known}) == 1

    def wait_until_down(self, node: Address) -> None:
        """Return when each finds this data node down, or does not know it. Raises NotReached."""
        wait_until(
            lambda: all(view and node not in view.up | view.linked for view in self._views()),
            f"not every Sentinel finds {node} down",
        )

    def _views(self) -> Sequence[SentinelView | None]:
        with (
            closing(Nodes(credentials=self.credentials)) as nodes,
            closing(Sentinels(self.addresses, self.name, nodes)) as asked,
        ):
            return asked.ask()


def wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
    """Return when it is so. Raises NotReached with this text after TIMEOUT_S."""
    end = time.monotonic() + TIMEOUT_S
    while not is_so():
        if time.monotonic() > end:
            raise NotReached(f"After {TIMEOUT_S:.0f} s, {otherwise}.")
        time.sleep(POLL_S)
