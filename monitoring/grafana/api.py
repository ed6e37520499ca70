"""The instances: requests, scripts, reads and connections."""

from monitoring.grafana.panels import Dashboard, Panel
from monitoring.grafana.queries import HERE, quantile, rate

_TARGETS = 'count(up{job="api"})'

API = Dashboard(
    uid="evergreen-api",
    title="API",
    variables=(("instance", 'label_values(up{job="api"}, instance)'),),
    rows=(
        (
            "Requests",
            (
                Panel(
                    title="Requests by view",
                    queries=[
                        (
                            rate(
                                "django_http_responses_total_by_status_view_method_total",
                                "view",
                                HERE,
                            ),
                            "{{view}}",
                        )
                    ],
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    title="Latency by view, 99 %",
                    queries=[
                        (
                            quantile(
                                0.99,
                                "django_http_requests_latency_seconds_by_view_method",
                                "view",
                                HERE,
                            ),
                            "{{view}}",
                        )
                    ],
                    unit="s",
                ),
                Panel(
                    title="Problems",
                    queries=[(rate("evergreen_problems_total", "code", HERE), "{{code}}")],
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    title="Requests in progress",
                    queries=[
                        ('evergreen_requests_in_progress{instance=~"$instance"}', "{{instance}}"),
                        ('evergreen_writes_in_progress{instance=~"$instance"}', "{{instance}}, writes"),
                    ],
                    description="A process serves four at a time; writes that wait for a failover release their slot.",
                ),
                Panel(
                    title="Requests in work and waiting",
                    queries=[
                        ('evergreen_requests_in_work{job="api",instance=~"$instance"}', "{{instance}}, in work"),
                        ('evergreen_requests_waiting{job="api",instance=~"$instance"}', "{{instance}}, waiting"),
                    ],
                    description="With a slot of the concurrency limit, and waiting for one: what autoscaling goes by.",
                ),
                Panel(
                    title="CPU of the instances",
                    queries=[(rate("evergreen_cpu_seconds_total", "instance", HERE), "{{instance}}")],
                    unit="percentunit",
                    description="Of one core. An instance of one process takes hardly more than one.",
                ),
                Panel(
                    title="Instances",
                    queries=[
                        ('sum(up{job="api"})', "running"),
                        (f"max(evergreen_autoscale_desired_instances) or {_TARGETS}", "decided"),
                        (f"max(evergreen_autoscale_wanted_instances) or {_TARGETS}", "wanted by the load"),
                    ],
                    description="Where nothing scales by itself, as many as are scraped.",
                ),
                Panel(
                    title="Requests shed",
                    queries=[(rate("evergreen_requests_shed_total", "instance", HERE), "{{instance}}")],
                    unit="reqps",
                    description="Refused with 503: no slot of the concurrency limit was free in time.",
                ),
                Panel(
                    title="Replayed",
                    queries=[(f"{rate('evergreen_requests_replayed_total', 'view')} or vector(0)", "{{view}}")],
                    unit="reqps",
                    description="Requests under an Idempotency-Key that got the recorded outcome of an earlier one.",
                ),
            ),
        ),
        (
            "Scripts",
            (
                Panel(
                    title="Latency by script, 99 %",
                    queries=[(quantile(0.99, "evergreen_script_seconds", "script", HERE), "{{script}}")],
                    unit="s",
                    description="A write's WAIT for the replicas is part of it.",
                ),
                Panel(
                    title="What scripts said",
                    queries=[
                        (
                            rate("evergreen_script_runs_total", "script, outcome", HERE),
                            "{{script}}: {{outcome}}",
                        )
                    ],
                    unit="reqps",
                ),
                Panel(
                    title="Wait for the replicas",
                    queries=[
                        (quantile(0.5, "evergreen_wait_seconds", "instance", HERE), "{{instance}}, half"),
                        (
                            quantile(0.99, "evergreen_wait_seconds", "instance", HERE),
                            "{{instance}}, 99 %",
                        ),
                    ],
                    unit="s",
                ),
                Panel(
                    title="Replicas that had the write",
                    queries=[
                        (
                            rate("evergreen_wait_acknowledgements_total", "replicas", HERE),
                            "{{replicas}}",
                        )
                    ],
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    title="Tries that were repeated",
                    queries=[
                        (f"{rate('evergreen_write_retries_total', 'reason')} or vector(0)", "{{reason}}"),
                    ],
                    unit="reqps",
                ),
                Panel(
                    title="Time without a primary",
                    queries=[
                        (
                            'increase(evergreen_store_without_primary_seconds_total{instance=~"$instance"}[$__rate_interval])',
                            "{{instance}}",
                        )
                    ],
                    unit="s",
                    description="As each instance saw it, within the last minute.",
                ),
            ),
        ),
        (
            "Reads and connections",
            (
                Panel(
                    title="Reads by the role of the node",
                    queries=[(rate("evergreen_reads_total", "role", HERE), "{{role}}")],
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    title="Reads retried",
                    queries=[(f"{rate('evergreen_reads_retried_total', 'reason')} or vector(0)", "{{reason}}")],
                    unit="reqps",
                    description="A node did not answer or was behind, and another one was tried.",
                ),
                Panel(
                    title="Connections to the store",
                    queries=[
                        ('evergreen_redis_connections_busy{instance=~"$instance"}', "{{instance}}, busy"),
                        (
                            rate("evergreen_redis_connections_opened_total", "instance", HERE),
                            "{{instance}}, opened a second",
                        ),
                    ],
                ),
            ),
        ),
    ),
)
