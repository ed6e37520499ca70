"""The lag agent beside a data node: while its server is the primary, it makes slow replicas ineligible for election.

A link or a disk that adds a fifth of a second is a gray failure: the replica is up and follows, so the Sentinels may
elect it, and it is too slow for the time that a write waits. slow_replicas.py decides; this module probes the replicas
and carries the steps out. ADR 22 has the argument why nothing acknowledged is lost by it.

A probe is a message of ours on the stream to the replicas, which touches no data, and a WAIT for it. It also gives an
idle store a stream that never pauses for long, by which isolation.py measures silence.
"""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing

from redis.connection import Connection
from redis.exceptions import RedisError

from agents.launch import is_running, log
from agents.node_status import ANSWER_TIMEOUT_S
from agents.slow_replicas import Action, Probe, Reports, SlowReplicas
from exactly_once.client import Address, Nodes
from exactly_once.errors import ServerError
from exactly_once.exclusions import AGENT_CHANNEL, QUERY, channel_of, parse_channels
from exactly_once.failover_safety import PROBE
from exactly_once.sentinels import Sentinels, SentinelView, majority_of

#: Seconds between two probes, and milliseconds in which a replica that is in step confirms one.
POLL_S, IN_STEP_MS = 0.25, 100
#: Priorities of a replica that Sentinels elect, and of one that they do not.
ELECTABLE, INELIGIBLE = "100", "0"
#: Looks in a row that fail, after which all exclusions end: unseen, an excluded replica may restart, and gets its
#: priority from its own launcher. A restart with its copy takes longer than so many looks.
MAX_FAILED_LOOKS = 2
#: Looks for which the Sentinels' reports are good while all is well. They themselves ask the replicas once a second.
CALM_LOOKS = 4
#: In which a slow replica must take a setting, in seconds.
SETTING_TIMEOUT_S = 1.0


def watch_replicas(nodes: Nodes, me: Address, sentinels: Sequence[Address], name: str, server_pid: int) -> None:
    """Watch the replicas of the server announced as `me`, whenever it is the primary of this name, until its process
    ends. `nodes` call from where the server listens: a replica that it cannot reach is not for it to judge."""
    with (
        closing(nodes),
        closing(Sentinels(sentinels, name, nodes)) as asked,
        closing(LagAgent(nodes, asked, me)) as agent,
    ):
        while is_running(server_pid):
            agent.look()
            time.sleep(POLL_S)


class LagAgent:
    """Probes the replicas of one server, and sets who can be elected."""

    def __init__(self, nodes: Nodes, sentinels: Sentinels, me: Address) -> None:
        self._nodes, self._sentinels, self._me = nodes, sentinels, me
        self._exclusions = _Exclusions(nodes, me)
        self._rules = SlowReplicas()
        self._replicas, self._failed_looks = 1, 0
        self._reports: Reports | None = None
        self._report_looks = 0

    def look(self) -> None:
        """Probe once where the server is the primary, and do what follows from it."""
        try:
            self._exclusions.connect()
            if self._is_primary():
                self._look()
            else:
                self._rules, self._reports = SlowReplicas(), None
                self._exclusions.end_all()
        except (ServerError, RedisError, OSError, RuntimeError):
            # The server does not answer in time, or is paused or being replaced.
            self._fail()
        else:
            self._failed_looks = 0

    def close(self) -> None:
        """End the exclusions."""
        self._exclusions.close()

    def _fail(self) -> None:
        self._rules.interrupt()
        self._reports = None
        self._failed_looks += 1
        if self._failed_looks >= MAX_FAILED_LOOKS:
            # They end with the connection, which needs no answer. Without them writes wait: that is never unsafe.
            self._exclusions.close()
            self._rules = SlowReplicas()

    def _is_primary(self) -> bool:
        (role,) = self._nodes[self._me].run(("ROLE",), timeout=ANSWER_TIMEOUT_S)
        return bool(role[0] == "master")

    def _look(self) -> None:
        probe = self._probe()
        for replica in self._rules.drop_gone(probe):
            self._exclusions.end(replica)
        reports = self._read_reports(probe)
        for action, replica in self._rules.steps(probe, reports) if reports else ():
            try:
                self._do(action, replica)
            except (ServerError, RedisError, OSError) as error:
                log(f"{replica} does not take its priority: {error}", "warning")
            else:
                self._rules.confirm(action, replica)

    def _read_reports(self, probe: Probe) -> Reports | None:
        """The Sentinels' reports, new ones wherever something may follow from them."""
        self._report_looks += 1
        known = self._reports
        if known is None or self._report_looks >= CALM_LOOKS or not self._rules.is_calm(probe, known):
            self._reports, self._report_looks = read_reports(self._sentinels.ask(), self._me), 0
        return self._reports

    def _probe(self) -> Probe:
        channels, _, before, _, after = self._nodes[self._me].run(
            QUERY,
            PROBE,
            ("ROLE",),
            ("WAIT", self._replicas, IN_STEP_MS),
            ("ROLE",),
            timeout=ANSWER_TIMEOUT_S + IN_STEP_MS / 1000,
        )
        confirmed = {Address(host, int(port)): int(offset) for host, port, offset in after[2]}
        self._replicas = max(len(confirmed), 1)
        return Probe(offset=int(before[1]), confirmed=confirmed, excluded=parse_channels(channels))

    def _do(self, action: Action, replica: Address) -> None:
        if action is Action.EXCLUDE:
            self._exclusions.begin(replica)
            log(f"{replica} is slow and cannot be elected: writes do not wait for it any more", "warning")
        elif action is Action.READMIT:
            self._exclusions.end(replica)
        elif action is Action.DEMOTE:
            self._set_priority(replica, INELIGIBLE)
            log(
                f"{replica} takes over {IN_STEP_MS} ms to confirm, and another one does not: its priority is 0",
                "warning",
            )
        else:
            self._set_priority(replica, ELECTABLE)
            log(f"{replica} can be elected again: it is in step, or no other replica can be elected")

    def _set_priority(self, replica: Address, priority: str) -> None:
        node = self._nodes[replica]
        # One that is frozen would carry the order out when it wakes up, long after the reason for it.
        node.run(("PING",), timeout=SETTING_TIMEOUT_S)
        node.run(("CONFIG", "SET", "replica-priority", priority), timeout=SETTING_TIMEOUT_S)


class _Exclusions:
    """The exclusions on one server: subscriptions of a connection of their own, whose first one shows the doctor that
    there is an agent."""

    def __init__(self, nodes: Nodes, server: Address) -> None:
        self._nodes, self._server = nodes, server
        self._connection: Connection | None = None
        self._excluded: set[Address] = set()

    def connect(self) -> None:
        if self._connection is None or _has_ended(self._connection):
            self.close()
            self._connection = self._nodes[self._server].connection()
            self._send("SUBSCRIBE", AGENT_CHANNEL)

    def begin(self, replica: Address) -> None:
        self._excluded.add(replica)
        self._send("SUBSCRIBE", channel_of(replica))

    def end(self, replica: Address) -> None:
        self._send("UNSUBSCRIBE", channel_of(replica))
        self._excluded.discard(replica)

    def end_all(self) -> None:
        for replica in tuple(self._excluded):
            self.end(replica)

    def close(self) -> None:
        if self._connection:
            self._connection.disconnect()
        self._connection = None
        self._excluded.clear()

    def _send(self, verb: str, channel: str) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            connection.send_command(verb, channel, check_health=False)
            connection.read_response(timeout=ANSWER_TIMEOUT_S)
        except (RedisError, OSError):
            self.close()
            raise


def _has_ended(connection: Connection) -> bool:
    try:
        # No message is ever published to these channels.
        return bool(connection.can_read(timeout=0))
    except (RedisError, OSError):
        return True


def read_reports(views: Sequence[SentinelView | None], primary: Address) -> Reports | None:
    """What the Sentinels report of the replicas of this primary; None where no majority answers, where one of them
    names another primary, or replaces this one."""
    answers, majority = [view for view in views if view], majority_of(views)
    if len(answers) < majority or any(view.primary != primary or view.is_failing_over for view in answers):
        return None
    return Reports(
        linked=_agreed([view.linked for view in answers], majority),
        electable=_agreed([view.linked - view.ineligible for view in answers], majority),
        ineligible=frozenset.intersection(*(view.ineligible for view in answers)),
        # Where there are Sentinels that this agent does not ask, what they report is unknown.
        is_complete=len(answers) >= max(len(views), *(view.sentinels for view in answers)),
    )


def _agreed(votes: Sequence[frozenset[Address]], majority: int) -> frozenset[Address]:
    counts = Counter(address for vote in votes for address in vote)
    return frozenset(address for address, count in counts.items() if count >= majority)
