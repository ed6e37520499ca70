"""The Sentinels, and the failovers."""

from monitoring.grafana.panels import Dashboard, Panel
from monitoring.grafana.queries import BAD_FROM_ONE, GOOD_OR_BAD

SENTINEL = Dashboard(
    uid="evergreen-sentinel",
    title="Sentinel and failovers",
    rows=(
        (
            "Now",
            (
                Panel(
                    title="Quorum",
                    queries=[("evergreen_sentinel_quorum", "")],
                    kind="stat",
                    thresholds=GOOD_OR_BAD,
                    words={"0": "lost", "1": "there"},
                ),
                Panel(
                    title="Answer",
                    queries=[("sum(evergreen_sentinel_up)", "")],
                    kind="stat",
                    thresholds=((None, "red"), (2, "orange"), (3, "green")),
                ),
                Panel(
                    title="Primaries named",
                    queries=[("count(count by (primary) (evergreen_sentinel_primary_info))", "")],
                    kind="stat",
                    thresholds=((None, "red"), (1, "green"), (2, "red")),
                ),
                Panel(title="Failovers so far", queries=[("max(evergreen_sentinel_config_epoch)", "")], kind="stat"),
                Panel(
                    title="In TILT",
                    queries=[("sum(redis_sentinel_tilt)", "")],
                    kind="stat",
                    thresholds=BAD_FROM_ONE,
                ),
            ),
        ),
        (
            "Failovers",
            (
                Panel(
                    title="Failovers known",
                    queries=[("evergreen_sentinel_config_epoch", "{{address}}")],
                    description="Goes up by one or more with each: an attempt that failed counts too.",
                ),
                Panel(
                    title="Is the primary down?",
                    queries=[
                        ("evergreen_sentinel_sees_primary_down", "{{address}}: down"),
                        ("evergreen_sentinel_failing_over", "{{address}}: replaces it"),
                    ],
                    words={"0": "no", "1": "yes"},
                ),
                Panel(
                    title="Time without a primary",
                    queries=[
                        (
                            'increase(evergreen_store_without_primary_seconds_total{job="exporter"}[$__rate_interval])',
                            "within the last minute",
                        )
                    ],
                    unit="s",
                ),
                Panel(
                    title="Primary that each Sentinel names",
                    queries=[("evergreen_sentinel_primary_info", "{{address}} names {{primary}}")],
                    stacked=True,
                ),
                Panel(
                    title="A failover could be authorised",
                    queries=[("min by (instance) (redis_sentinel_master_ckquorum_status)", "{{instance}}")],
                    words={"0": "no", "1": "yes"},
                ),
                Panel(
                    title="Seen by each",
                    queries=[
                        ("max by (instance) (redis_sentinel_master_ok_slaves)", "{{instance}}: replicas"),
                        ("max by (instance) (redis_sentinel_master_ok_sentinels)", "{{instance}}: Sentinels"),
                    ],
                ),
            ),
        ),
    ),
)
