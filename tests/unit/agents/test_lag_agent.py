"""What the lag agent makes of the Sentinels' reports."""

from dataclasses import replace

import pytest

from agents.lag_agent import CALM_LOOKS, MAX_FAILED_LOOKS, LagAgent, read_reports
from exactly_once.client import Address
from exactly_once.errors import Indeterminate
from exactly_once.exclusions import AGENT_CHANNEL, QUERY, channel_of
from exactly_once.sentinels import SentinelView

PRIMARY, FAST, SLOW = (Address(f"10.0.0.{number}", 6379) for number in (1, 2, 3))
BOTH = frozenset({FAST, SLOW})
VIEW = SentinelView(
    primary=PRIMARY,
    primary_is_up=True,
    is_failing_over=False,
    is_promoted=False,
    replicas=BOTH,
    up=BOTH,
    linked=BOTH,
    ineligible=frozenset({SLOW}),
)


def reports(*views):
    return read_reports(views, PRIMARY)


def test_a_replica_is_ineligible_where_every_sentinel_that_answers_says_so():
    assert reports(VIEW, VIEW, VIEW).ineligible == {SLOW}
    assert reports(VIEW, VIEW, None).ineligible == {SLOW}
    assert reports(VIEW, VIEW, replace(VIEW, ineligible=frozenset())).ineligible == frozenset()


def test_reports_are_complete_where_every_sentinel_answers():
    assert reports(VIEW, VIEW, VIEW).is_complete
    assert not reports(VIEW, VIEW, None).is_complete
    of_five = replace(VIEW, sentinels=5)
    assert not reports(of_five, of_five, of_five).is_complete, "two more were added, and may have older reports"


def test_a_replica_is_linked_and_electable_by_a_majority():
    cut_off = replace(VIEW, linked=frozenset({SLOW}))
    assert reports(VIEW, VIEW, cut_off).electable == {FAST}
    assert reports(VIEW, cut_off, cut_off).electable == frozenset()
    assert reports(VIEW, cut_off, cut_off).linked == {SLOW}


@pytest.mark.parametrize("change", [{"primary": FAST}, {"is_failing_over": True}])
def test_nothing_is_concluded_while_the_primary_changes(change):
    assert reports(VIEW, VIEW, replace(VIEW, **change)) is None


def test_nothing_is_concluded_without_a_majority():
    assert reports(VIEW, None, None) is None


class AServer:
    """A primary, and its connection for subscriptions: they end with it. `error` is what each question raises."""

    def __init__(self):
        self.channels, self.linked, self.error = set(), [FAST, SLOW], None
        self.role = "master"
        self.confirmed = {FAST: "100", SLOW: "100"}

    def run(self, *commands, timeout):
        if self.error:
            raise self.error
        return [self._reply(command) for command in commands]

    def _reply(self, command):
        if command == QUERY:
            return sorted(self.channels - {AGENT_CHANNEL})
        replicas = [(each.host, str(each.port), self.confirmed[each]) for each in self.linked]
        return [self.role, "100", replicas] if command == ("ROLE",) else 1

    def connection(self):
        return self

    def send_command(self, verb, channel, check_health):
        change = self.channels.add if verb == "SUBSCRIBE" else self.channels.discard
        change(channel)

    def read_response(self, timeout):
        return []

    def can_read(self, timeout):
        return False

    def disconnect(self):
        self.channels.clear()


class TheSentinels:
    """Reply with these views."""

    def __init__(self):
        self.views, self.asked = [VIEW, VIEW, VIEW], 0

    def ask(self):
        self.asked += 1
        return self.views


@pytest.fixture
def server():
    return AServer()


@pytest.fixture
def sentinels():
    return TheSentinels()


@pytest.fixture
def agent(server, sentinels):
    """The agent of a primary that has excluded the slow replica."""
    found = LagAgent({PRIMARY: server}, sentinels, PRIMARY)
    found.look()
    found._exclusions.begin(SLOW)
    assert channel_of(SLOW) in server.channels
    return found


def test_an_exclusion_lasts_while_the_agent_sees_the_link_of_the_replica(agent, server):
    agent.look()
    assert channel_of(SLOW) in server.channels


@pytest.mark.parametrize("views", [[VIEW, VIEW, VIEW], [None, None, VIEW]])
def test_an_exclusion_ends_with_the_link_of_the_replica_also_without_a_majority_of_the_sentinels(
    agent, server, sentinels, views
):
    sentinels.views, server.linked = views, [FAST]
    agent.look()
    assert channel_of(SLOW) not in server.channels


@pytest.mark.parametrize("error", [Indeterminate("late"), OSError("gone"), RuntimeError("can't start new thread")])
def test_an_exclusion_ends_once_the_agent_has_looked_in_vain_a_few_times(agent, server, error):
    server.error = error
    for _ in range(MAX_FAILED_LOOKS - 1):
        agent.look()
    assert channel_of(SLOW) in server.channels
    agent.look()
    assert server.channels == set()


def test_a_look_that_fails_now_and_then_ends_no_exclusion(agent, server):
    for error in [Indeterminate("late"), None] * MAX_FAILED_LOOKS:
        server.error = error
        agent.look()
    assert channel_of(SLOW) in server.channels


def times_asked(agent, sentinels, looks):
    before = sentinels.asked
    for _ in range(looks):
        agent.look()
    return sentinels.asked - before


@pytest.fixture
def calm_agent(server, sentinels):
    """The agent of a primary whose replicas are in step, and can be elected."""
    sentinels.views = [replace(VIEW, ineligible=frozenset())] * 3
    found = LagAgent({PRIMARY: server}, sentinels, PRIMARY)
    found.look()
    return found


def test_the_sentinels_are_asked_once_a_second_while_all_is_well(calm_agent, sentinels):
    assert times_asked(calm_agent, sentinels, 3 * CALM_LOOKS) == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda server: server.confirmed.update({SLOW: "99"}),
        lambda server: server.linked.remove(SLOW),
        lambda server: server.channels.add(channel_of(SLOW)),
    ],
    ids=["behind", "not linked", "excluded"],
)
def test_the_sentinels_are_asked_at_once_where_something_may_follow(calm_agent, server, sentinels, change):
    change(server)
    assert times_asked(calm_agent, sentinels, 1) == 1


def test_the_sentinels_are_asked_at_every_look_while_a_replica_cannot_be_elected(calm_agent, sentinels):
    sentinels.views = [VIEW] * 3
    times_asked(calm_agent, sentinels, CALM_LOOKS)
    assert times_asked(calm_agent, sentinels, CALM_LOOKS) == CALM_LOOKS


def test_what_the_sentinels_reported_before_a_look_in_vain_counts_no_more(calm_agent, server, sentinels):
    server.error = Indeterminate("late")
    calm_agent.look()
    server.error = None
    assert times_asked(calm_agent, sentinels, 1) == 1


def test_what_the_sentinels_reported_of_an_earlier_primary_counts_no_more(calm_agent, server, sentinels):
    server.role = "slave"
    calm_agent.look()
    server.role = "master"
    assert times_asked(calm_agent, sentinels, 1) == 1
