"""Events and deliveries: whether workers take them, and whether receivers do."""

from collections.abc import Callable, Iterator

from exactly_once import Unavailable
from operations.doctor.diagnosis import Diagnosis, Level
from shop.domain.webhooks import MAIL, Outlook

#: Seconds that an event may wait for a worker, and a due delivery to be made.
MAX_DELAY_S = 60.0
RUN_ONE = "run a worker (`manage.py work`), or look at the logs of those that run"


def deliveries(outlook: Callable[[], Outlook]) -> Iterator[Diagnosis]:
    """A line for each thing that is wrong with events and deliveries, or one where nothing is."""
    try:
        found = outlook()
    except Unavailable as error:
        yield _line(Level.UNKNOWN, "", f"the store does not answer ({type(error).__name__})")
        return
    lines = list(_deviations(found))
    yield from lines or [_line(Level.OK, "", "Workers take every event, and receivers every delivery.")]


def _deviations(found: Outlook) -> Iterator[Diagnosis]:
    waiting_s, overdue_s = found.age_s(found.oldest_at), found.age_s(found.due_since)
    if waiting_s > MAX_DELAY_S:
        finding = f"{found.undispatched:,} events wait for a worker, the oldest for {waiting_s:,.0f} s"
        yield _line(Level.PROBLEM, "events", finding, RUN_ONE)
    if overdue_s > MAX_DELAY_S:
        yield _line(Level.WARNING, "deliveries", f"the first due one has waited for {overdue_s:,.0f} s", RUN_ONE)
    for state in found.queues:
        if state.failing_since and state.pending:
            subject = "mail server" if state.queue == MAIL else f"endpoint {state.queue}"
            finding = f"has taken nothing for {found.age_s(state.failing_since):,.0f} s, and {state.pending:,} wait"
            yield _line(Level.WARNING, subject, finding, "see the `error` of its deliveries (docs/webhooks.md)")
    if found.dead:
        finding = f"{found.dead:,} were given up in the last 30 days"
        yield _line(Level.WARNING, "deliveries", finding, "have them made again (runbook, DeliveriesDead)")


def _line(level: Level, subject: str, finding: str, remedy: str = "") -> Diagnosis:
    return Diagnosis(level=level, check="deliveries", subject=subject, finding=finding, remedy=remedy)
