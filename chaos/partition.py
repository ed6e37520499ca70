"""Real partitions and losses on one machine: rules of the packet filter between addresses of the loopback network."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

#: Chains of this run; another run beside it has others.
_CHAIN = f"EVERGREEN-{os.getpid()}"


class NoPacketFilter(Exception):
    """Partitions need root and iptables."""


def is_possible() -> bool:
    """Whether this process may set rules."""
    if os.geteuid() != 0 or shutil.which("iptables") is None:
        return False
    with suppress(NoPacketFilter):
        _iptables("-L", "INPUT", "-n")
        return True
    return False


@contextmanager
def cut(one_side: Sequence[str], other_side: Sequence[str]) -> Iterator[None]:
    """Nothing gets from the hosts of one side to those of the other, nor back, for as long as the block runs; the rules
    are gone afterwards, whatever happens.

    Raises:
        NoPacketFilter.
    """
    pairs = list(itertools.product(one_side, other_side))
    with _rules(["-s", here, "-d", there] for here, there in [*pairs, *((there, here) for here, there in pairs)]):
        yield


@contextmanager
def lossy(network: str, share: float) -> Iterator[None]:
    """Of the packets between the hosts of this network, as in 127.26.0.0/24, this share gets lost while the block runs.

    Raises:
        NoPacketFilter.
    """
    random = ("-m", "statistic", "--mode", "random", "--probability", str(share))
    with _rules([["-s", network, "-d", network, *random]]):
        yield


@contextmanager
def _rules(matches: Iterable[Sequence[str]]) -> Iterator[None]:
    """Drop the packets that any of these match while the block runs."""
    _iptables("-N", _CHAIN)
    try:
        for match in matches:
            _iptables("-A", _CHAIN, *match, "-j", "DROP")
        _iptables("-I", "INPUT", "-i", "lo", "-j", _CHAIN)
        yield
    finally:
        with suppress(NoPacketFilter):
            _iptables("-D", "INPUT", "-i", "lo", "-j", _CHAIN)
        _iptables("-F", _CHAIN)
        _iptables("-X", _CHAIN)


def _iptables(*words: str) -> None:
    try:
        subprocess.run(["iptables", "-w", *words], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoPacketFilter(f"iptables {' '.join(words)}: {getattr(error, 'stderr', error)}") from error
