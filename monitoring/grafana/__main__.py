"""The dashboards: `python -m monitoring.grafana` writes their JSON, which is what Grafana reads."""

import json
from pathlib import Path

from monitoring.grafana.api import API
from monitoring.grafana.business import BUSINESS
from monitoring.grafana.nginx import NGINX
from monitoring.grafana.overview import OVERVIEW
from monitoring.grafana.panels import Dashboard, document
from monitoring.grafana.redis import REDIS
from monitoring.grafana.sentinel import SENTINEL
from monitoring.grafana.worker import WORKER

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS = {
    "overview": OVERVIEW,
    "api": API,
    "redis": REDIS,
    "sentinel": SENTINEL,
    "nginx": NGINX,
    "business": BUSINESS,
    "worker": WORKER,
}
#: What is marked in every panel: when another node became primary, and when there was none.
ANNOTATIONS = (
    ("Failover", "changes(max(evergreen_sentinel_config_epoch)[1m:5s]) > 0", "orange"),
    ("No primary", 'increase(evergreen_store_without_primary_seconds_total{job="exporter"}[10s]) > 0', "red"),
)


def text(dashboard: Dashboard) -> str:
    """The file of this dashboard."""
    return json.dumps(document(dashboard, ANNOTATIONS), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every file."""
    for name, dashboard in DASHBOARDS.items():
        FOLDER.joinpath(f"{name}.json").write_text(text(dashboard), "utf-8")


if __name__ == "__main__":
    main()
