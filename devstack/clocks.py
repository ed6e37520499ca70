"""How far the clocks of the API instances and nginx are from this process's, by the Date of an answer."""

import http.client
import time
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime

from devstack.layout import NGINX, Layout
from devstack.unix_http import instance_connection
from operations.doctor.diagnosis import Diagnosis, Level
from operations.doctor.replication_rules import CLOCK_PROBLEM_S, CLOCK_WARNING_S

TIMEOUT_S = 2.0
REMEDY = "let NTP set both: tokens, logs and the times of purchases are of the instances' clocks"


def diagnose(layout: Layout, serving: Sequence[str]) -> Iterator[Diagnosis]:
    """A line for each of these whose clock differs from this process's by more than a second for certain."""
    for name in serving:
        ahead = _ahead_s(_connection(layout, name))
        if abs(ahead) > CLOCK_WARNING_S:
            finding = f"its clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this process's"
            level = Level.PROBLEM if abs(ahead) > CLOCK_PROBLEM_S else Level.WARNING
            yield Diagnosis(level=level, check="clock", subject=name, finding=finding, remedy=REMEDY)


def _connection(layout: Layout, name: str) -> http.client.HTTPConnection:
    if name == NGINX:
        return http.client.HTTPConnection(*layout.nginx, timeout=TIMEOUT_S)
    return instance_connection(layout, name, TIMEOUT_S)


def _ahead_s(connection: http.client.HTTPConnection) -> float:
    """Seconds by which the clock is ahead at least, negative where it is behind; 0 where it may agree, and where it
    does not answer, which is diagnosed as such."""
    try:
        asked = time.time()
        connection.request("GET", "/livez")
        date = parsedate_to_datetime(connection.getresponse().headers["Date"]).timestamp()
        answered = time.time()
    except (OSError, http.client.HTTPException, TypeError, ValueError):
        return 0.0
    finally:
        connection.close()
    # A Date has whole seconds.
    return min(date + 1 - asked, 0.0) + max(date - answered, 0.0)
