"""The first dashboard: whether all is well, and how the objectives stand."""

from monitoring.grafana.panels import Dashboard, Panel
from monitoring.grafana.queries import BAD_FROM_ONE, GOOD_OR_BAD, quantile, rate

OVERVIEW = Dashboard(
    uid="evergreen-overview",
    title="Overview",
    rows=(
        (
            "Now",
            (
                Panel(
                    title="Primary",
                    queries=[("evergreen_store_has_primary", "")],
                    kind="stat",
                    thresholds=GOOD_OR_BAD,
                    words={"0": "none", "1": "there"},
                ),
                Panel(
                    title="Replicas in step",
                    queries=[("sum(evergreen_store_replica_link_up)", "")],
                    kind="stat",
                    thresholds=((None, "red"), (1, "orange"), (2, "green")),
                ),
                Panel(
                    title="Sentinels",
                    queries=[("sum(evergreen_sentinel_up)", "")],
                    kind="stat",
                    thresholds=((None, "red"), (2, "orange"), (3, "green")),
                ),
                Panel(
                    title="Instances",
                    queries=[('sum(up{job="api"})', "")],
                    kind="stat",
                    thresholds=((None, "red"), (1, "orange"), (2, "green")),
                ),
                Panel(
                    title="Alerts",
                    queries=[('sum(ALERTS{alertstate="firing",severity!="none"}) or vector(0)', "")],
                    kind="stat",
                    thresholds=BAD_FROM_ONE,
                ),
                Panel(
                    title="Requests", queries=[(rate("evergreen_nginx_requests_total"), "")], unit="reqps", kind="stat"
                ),
            ),
        ),
        (
            "Objectives: 99.9 % answered without a 5xx; 99 % of reads within 100 ms, of writes within 500 ms",
            (
                Panel(
                    title="Budget left, of three days",
                    queries=[("1 - evergreen:objective:burn3d", "{{objective}}")],
                    unit="percentunit",
                    least=None,
                    description="1: nothing is spent. 0: as much as may be. Below that, more.",
                ),
                Panel(
                    title="Burn",
                    queries=[
                        ("evergreen:objective:burn5m", "{{objective}}, 5 minutes"),
                        ("evergreen:objective:burn1h", "{{objective}}, an hour"),
                    ],
                    description="1 spends the budget just in time. From 14.4 on-call is paged.",
                ),
                Panel(
                    title="Bad requests",
                    queries=[("evergreen:requests:bad_rate1m", "{{objective}}")],
                    unit="reqps",
                ),
            ),
        ),
        (
            "Traffic, at nginx",
            (
                Panel(
                    title="Answers by status",
                    queries=[(rate("evergreen_nginx_requests_total", "status"), "{{status}}")],
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    title="Latency",
                    queries=[
                        (quantile(0.5, "evergreen_nginx_request_seconds", "kind"), "{{kind}}, half"),
                        (quantile(0.99, "evergreen_nginx_request_seconds", "kind"), "{{kind}}, 99 %"),
                    ],
                    unit="s",
                ),
                Panel(
                    title="Purchases",
                    queries=[(rate("evergreen_purchases_total", "currency"), "{{currency}}")],
                    unit="reqps",
                ),
            ),
        ),
    ),
)
