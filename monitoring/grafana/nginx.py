"""The edge proxy: requests, instances as it sees them, connections."""

from monitoring.grafana.panels import Dashboard, Panel
from monitoring.grafana.queries import quantile, rate

_HITS = rate("evergreen_nginx_cache_requests_total", "route", 'result="hit"')
_ANSWERED = rate("evergreen_nginx_cache_requests_total", "route", 'result=~"hit|miss"')

NGINX = Dashboard(
    uid="evergreen-nginx",
    title="nginx",
    rows=(
        (
            "Requests",
            (
                Panel(
                    title="Answers by status",
                    queries=[(rate("evergreen_nginx_requests_total", "status"), "{{status}}")],
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    title="Requests by method",
                    queries=[(rate("evergreen_nginx_requests_total", "method"), "{{method}}")],
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    title="Latency, 99 %",
                    queries=[(quantile(0.99, "evergreen_nginx_request_seconds", "kind"), "{{kind}}")],
                    unit="s",
                ),
            ),
        ),
        (
            "Rate limits",
            (
                Panel(
                    title="Refused by rate limits",
                    queries=[
                        (
                            f"{rate('evergreen_nginx_requests_limited_total', 'limiter')} or vector(0)",
                            "address: {{limiter}}",
                        ),
                        (f"{rate('evergreen_requests_limited_total', 'limiter')} or vector(0)", "caller: {{limiter}}"),
                    ],
                    unit="reqps",
                ),
                Panel(
                    title="Shed",
                    queries=[(f"{rate('evergreen_nginx_requests_shed_total', 'kind')} or vector(0)", "{{kind}}")],
                    unit="reqps",
                    description="Refused with 503 by nginx: every instance was at its limit, and refused what is more.",
                ),
            ),
        ),
        (
            "Catalogue cache",
            (
                Panel(
                    title="Reads of the catalogue, by what the cache had",
                    queries=[(rate("evergreen_nginx_cache_requests_total", "result"), "{{result}}")],
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    title="Share of hits",
                    queries=[(f"{_HITS} / {_ANSWERED}", "{{route}}")],
                    unit="percentunit",
                    description="Of callers who are not signed in.",
                ),
                Panel(
                    title="Shared cache of the instances",
                    queries=[(rate("evergreen_cache_requests_total", "name, result"), "{{name}}: {{result}}")],
                    unit="reqps",
                ),
            ),
        ),
        (
            "Instances, as nginx sees them",
            (
                Panel(
                    title="Answers of the instances",
                    queries=[
                        (rate("evergreen_nginx_upstream_tries_total", "upstream, status"), "{{upstream}}: {{status}}")
                    ],
                    unit="reqps",
                ),
                Panel(
                    title="Latency of the instances, 99 %",
                    queries=[(quantile(0.99, "evergreen_nginx_upstream_seconds", "upstream"), "{{upstream}}")],
                    unit="s",
                ),
                Panel(
                    title="Repeated on another instance",
                    queries=[(f"{rate('evergreen_nginx_requests_repeated_total', 'kind')} or vector(0)", "{{kind}}")],
                    unit="reqps",
                ),
            ),
        ),
        (
            "Connections",
            (
                Panel(
                    title="Open",
                    queries=[
                        ("nginx_connections_active", "{{instance}}, all"),
                        ("nginx_connections_waiting", "{{instance}}, idle"),
                        ("nginx_connections_writing", "{{instance}}, answering"),
                    ],
                ),
                Panel(
                    title="Taken and dropped",
                    queries=[
                        ("rate(nginx_connections_accepted[$__rate_interval])", "{{instance}}, taken"),
                        (
                            "rate(nginx_connections_accepted[$__rate_interval])"
                            " - rate(nginx_connections_handled[$__rate_interval])",
                            "{{instance}}, dropped",
                        ),
                    ],
                    unit="cps",
                ),
                Panel(
                    title="Lines that were not understood",
                    queries=[(rate("evergreen_nginx_lines_unreadable_total"), "")],
                ),
            ),
        ),
    ),
)
