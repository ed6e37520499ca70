"""Which replicas may be elected, by how fast they confirm. No clock and no network: probes go in, steps come out.

A replica that is up, linked and slow would make every write wait for it, because the Sentinels could elect it. So it is
made ineligible while another one is in step. The rules, and the danger behind each:

- One that is slow in a few probes in a row, while another one that can be elected was in step in the same ones, gets
  priority 0. Where all are slow, the primary or the machine is: nothing is done. One that confirms nothing at all is
  not slow but frozen or cut off, which the Sentinels see: demoted, it could not replace a primary that dies next.
- It is excluded (exactly_once/exclusions.py) once no Sentinel can act on its old priority: all of them report the new
  one, or any older report has expired. Only then is a write acknowledged without it.
- It is readmitted after many probes in step, or where no other replica can be elected any more. First the exclusion
  ends, then it catches up with all that was written until then, and only then it gets its priority back.
- A replica with priority 0 that is linked and in step gets its priority back, also where the agent beside an
  earlier primary made it ineligible. One that starts is left alone, because it is not linked before it is in step.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from exactly_once.client import Address

#: Probes in a row, four a second, that show a replica slow before it is made ineligible, and in step before it can be
#: elected again: it must not change for each moment of load.
SLOW_PROBES, IN_STEP_PROBES = 3, 40
#: Probes in a row without another replica that can be elected: the Sentinels' reports are up to a second old.
ALONE_PROBES = 3
#: Probes in a row with priority 0, after which no Sentinel can act on another one: to elect a replica, it must have
#: asked it within three info periods, of a second each.
SETTLED_PROBES = 20
#: Slow probes in a row between two demotions of a replica that the Sentinels still report as electable.
REPEATED_PROBES = 8


class Action(Enum):
    """What is done about a replica."""

    DEMOTE = auto()
    EXCLUDE = auto()
    READMIT = auto()
    RESTORE = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """A message that the primary sent, and what each linked replica had confirmed shortly afterwards, as offsets in the
    stream of writes; `excluded` are the exclusions before it was sent."""

    offset: int
    confirmed: Mapping[Address, int]
    excluded: frozenset[Address] = frozenset()

    def is_in_step(self, replica: Address) -> bool:
        """Whether this replica confirmed the message in time."""
        return self.confirmed.get(replica, -1) >= self.offset


@dataclass(frozen=True, kw_only=True, slots=True)
class Reports:
    """What the Sentinels report of replicas: `linked` by a majority; `electable` by a majority too, linked and with a
    priority; `ineligible` by all that answered. `is_complete` where every Sentinel answered."""

    linked: frozenset[Address]
    electable: frozenset[Address]
    ineligible: frozenset[Address]
    is_complete: bool


@dataclass(kw_only=True, slots=True)
class _Track:
    """What a replica had confirmed; probes in a row in which it was as the name says; whether it has, and may have,
    priority 0 from here; and the offset that it must have before its priority is restored."""

    confirmed: int = -1
    slow: int = 0
    in_step: int = 0
    settled: int = 0
    alone: int = 0
    is_demoted: bool = False
    may_be_demoted: bool = False
    catch_up_offset: int | None = None


class SlowReplicas:
    """Decides after each probe, from this one and those before it. A replica that was not linked begins anew."""

    def __init__(self) -> None:
        self._tracks: dict[Address, _Track] = {}

    def drop_gone(self, probe: Probe) -> list[Address]:
        """Forget the replicas that have lost their link, and return those whose exclusion must end. It does whatever
        the Sentinels report: a replica that comes back after a restart gets its priority from its own launcher."""
        self._tracks = {replica: track for replica, track in self._tracks.items() if replica in probe.confirmed}
        return sorted(probe.excluded - probe.confirmed.keys())

    def is_calm(self, probe: Probe, reports: Reports) -> bool:
        """Whether nothing follows from this probe, so that these reports, of a moment ago, are as good as new ones:
        every replica is in step and can be elected, and none is watched."""
        return (
            probe.confirmed.keys() == self._tracks.keys() == reports.electable
            and not probe.excluded
            and not reports.ineligible
            and all(probe.is_in_step(replica) and not track.may_be_demoted for replica, track in self._tracks.items())
        )

    def steps(self, probe: Probe, reports: Reports) -> list[tuple[Action, Address]]:
        """What is to be done now. A step that fails is asked for again."""
        self._tracks = {replica: self._tracks.get(replica, _Track()) for replica in probe.confirmed}
        for replica, track in self._tracks.items():
            self._count(replica, track, probe, reports)
        return list(self._steps(probe, reports))

    def confirm(self, action: Action, replica: Address) -> None:
        """Take note that a step has been carried out."""
        track = self._tracks.get(replica)
        if track and action is Action.DEMOTE:
            track.is_demoted = track.may_be_demoted = True
        elif track and action is Action.RESTORE:
            self._tracks[replica] = _Track()

    def interrupt(self) -> None:
        """Take note that a probe failed: what follows is not in a row with what was before."""
        for track in self._tracks.values():
            track.slow = track.in_step = track.alone = 0

    def _count(self, replica: Address, track: _Track, probe: Probe, reports: Reports) -> None:
        is_in_step, is_linked = probe.is_in_step(replica), replica in reports.linked
        has_rival = any(other in reports.electable for other in probe.confirmed if other != replica)
        track.in_step = track.in_step + 1 if is_in_step else 0
        has_advanced, track.confirmed = probe.confirmed[replica] > track.confirmed, probe.confirmed[replica]
        track.slow = track.slow + has_advanced if is_linked and not is_in_step else 0
        track.settled = track.settled + 1 if is_linked and replica in reports.ineligible else 0
        # That the primary has no other replica is certain at once; what the Sentinels report may be old.
        track.alone = 0 if has_rival else track.alone + (1 if len(probe.confirmed) > 1 else 2)
        if replica in probe.excluded:
            track.catch_up_offset = None
        elif track.catch_up_offset is None:
            track.catch_up_offset = probe.offset

    def _steps(self, probe: Probe, reports: Reports) -> Iterator[tuple[Action, Address]]:
        for replica, track in self._tracks.items():
            action = self._action(replica, track, probe, reports)
            if action:
                # Even where it fails: the answer may be what was lost.
                track.may_be_demoted = track.may_be_demoted or action is Action.DEMOTE
                yield action, replica

    def _action(self, replica: Address, track: _Track, probe: Probe, reports: Reports) -> Action | None:
        is_to_return = track.in_step >= IN_STEP_PROBES or track.alone >= ALONE_PROBES
        if track.in_step >= IN_STEP_PROBES and replica in reports.electable:
            track.may_be_demoted = False
        is_slow = track.slow >= SLOW_PROBES and self._is_replaceable(replica, probe, reports)
        if replica in probe.excluded:
            return Action.READMIT if is_to_return or replica not in reports.ineligible else None
        if replica not in reports.ineligible:
            is_due = not track.is_demoted or track.slow % REPEATED_PROBES == 0
            return Action.DEMOTE if is_slow and is_due else None
        # On a busy machine the other one may be late at times too: a write waits for that one alone all the same.
        if track.slow >= SLOW_PROBES and not track.alone:
            return Action.EXCLUDE if self._is_settled(track, reports) else None
        may_return = is_to_return and track.settled > 0 and probe.confirmed[replica] >= (track.catch_up_offset or 0)
        return Action.RESTORE if may_return else None

    def _is_replaceable(self, replica: Address, probe: Probe, reports: Reports) -> bool:
        """Whether another replica is in step, and the Sentinels would elect that one."""
        return any(
            track.in_step >= SLOW_PROBES and other in reports.electable and not track.may_be_demoted
            for other, track in self._tracks.items()
            if other != replica
        )

    def _is_settled(self, track: _Track, reports: Reports) -> bool:
        return (track.is_demoted and reports.is_complete) or track.settled >= SETTLED_PROBES
