"""Starvation: whether processes of this machine wait for the CPU, measured by how late this one wakes up."""

import math
import socket
import time

from exactly_once.client import CONNECT_TIMEOUT_S, Address

#: A pause that took so much longer than asked for shows starvation, and so many seconds without one show its end.
MIN_DELAY_S, CALM_S = 0.1, 60.0


class Starvation:
    """The delays of this process. `holds_at` is true from the first delay until CALM_S after the last."""

    def __init__(self) -> None:
        self._last_delay_at = -math.inf

    def pause(self, seconds: float) -> None:
        """Sleep for so many seconds, and notice whether it took longer."""
        started = time.monotonic()
        time.sleep(seconds)
        ended = time.monotonic()
        self.record(ended - started - seconds, ended)

    def record(self, delay_s: float, now: float) -> None:
        """Notice a delay that ended at this instant."""
        if delay_s >= MIN_DELAY_S:
            self._last_delay_at = now

    def holds_at(self, now: float) -> bool:
        return now - self._last_delay_at < CALM_S


def is_dead(address: Address) -> bool:
    """Whether no process listens at this address: its machine refuses connections. A process without CPU, a frozen one
    and one that is cut off do not: connections are accepted by the kernel, or time out."""
    try:
        socket.create_connection(address, timeout=CONNECT_TIMEOUT_S).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
