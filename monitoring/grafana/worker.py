"""Events, and what the workers make of them."""

from monitoring.grafana.panels import Dashboard, Panel
from monitoring.grafana.queries import BAD_FROM_ONE, rate

WORKERS = 'job="worker"'


def _most(metric: str) -> str:
    """What the workers say; each has looked within the last half second."""
    return f"max({metric}{{{WORKERS}}})"


WORKER = Dashboard(
    uid="evergreen-worker",
    title="Worker",
    rows=(
        (
            "Now",
            (
                Panel(
                    title="Workers",
                    queries=[(f"sum(up{{{WORKERS}}})", "")],
                    kind="stat",
                    thresholds=((None, "red"), (1, "orange"), (2, "green")),
                ),
                Panel(
                    title="Oldest event that waits",
                    queries=[(_most("evergreen_event_undispatched_seconds"), "")],
                    unit="s",
                    kind="stat",
                    thresholds=((None, "green"), (10, "orange"), (60, "red")),
                ),
                Panel(
                    title="Deliveries pending",
                    queries=[(_most("evergreen_deliveries_pending"), "")],
                    kind="stat",
                    description="Of webhooks and mails, those that wait to be tried again included.",
                ),
                Panel(
                    title="Deliveries dead",
                    queries=[(_most("evergreen_deliveries_dead"), "")],
                    kind="stat",
                    thresholds=BAD_FROM_ONE,
                    description="Given up in the last 30 days, and not asked for again.",
                ),
                Panel(
                    title="Failing for",
                    queries=[(_most("evergreen_webhook_failing_seconds"), "")],
                    unit="s",
                    kind="stat",
                    thresholds=((None, "green"), (1, "orange"), (3600, "red")),
                    description="The endpoint, or the mail server, that has taken nothing for longest.",
                ),
            ),
        ),
        (
            "Over time",
            (
                Panel(
                    title="Events taken, a second",
                    queries=[(rate("evergreen_events_dispatched_total", "instance", WORKERS), "{{instance}}")],
                ),
                Panel(
                    title="Attempts, a second",
                    queries=[
                        (
                            rate("evergreen_delivery_attempts_total", "channel, outcome", WORKERS),
                            "{{channel}} {{outcome}}",
                        )
                    ],
                    stacked=True,
                ),
                Panel(
                    title="Waiting",
                    queries=[
                        (_most("evergreen_events_undispatched"), "events"),
                        (_most("evergreen_deliveries_pending"), "deliveries"),
                    ],
                ),
                Panel(
                    title="Delay",
                    queries=[
                        (_most("evergreen_event_undispatched_seconds"), "of events"),
                        (_most("evergreen_delivery_overdue_seconds"), "of due deliveries"),
                    ],
                    unit="s",
                ),
            ),
        ),
    ),
)
