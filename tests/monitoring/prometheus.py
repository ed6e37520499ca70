"""Questions to a Prometheus that runs."""

import math
from dataclasses import dataclass
from typing import Any

import httpx

#: Grafana's own variables, as a panel of half an hour would have them; any other stands for everything.
VARIABLES = {"$__rate_interval": "30s"}


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """A Prometheus at this address."""

    url: str
    auth: tuple[str, str]

    def series(self, query: str, start: float, end: float) -> list[dict[str, Any]]:
        """The series of this query between two instants that have a number anywhere. A query that Prometheus does not
        understand fails the test."""
        parameters = {"query": query, "start": start, "end": end, "step": 5}
        answer = httpx.get(f"{self.url}/api/v1/query_range", params=parameters, auth=self.auth, timeout=30).json()
        assert answer["status"] == "success", f"{query}: {answer.get('error')}"
        return [series for series in answer["data"]["result"] if any(map(_is_number, series["values"]))]

    def targets(self) -> dict[str, str]:
        """The state of each target by its name."""
        found = httpx.get(f"{self.url}/api/v1/targets", auth=self.auth, timeout=10).json()["data"]["activeTargets"]
        return {f"{target['labels']['job']}/{target['labels']['instance']}": target["health"] for target in found}

    def alerts(self) -> set[str]:
        """The names of the alerts that fire."""
        found = httpx.get(f"{self.url}/api/v1/alerts", auth=self.auth, timeout=10).json()["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}

    def rules(self) -> list[dict[str, Any]]:
        """Every rule, with its health."""
        groups = httpx.get(f"{self.url}/api/v1/rules", auth=self.auth, timeout=10).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


def without_variables(query: str, names: list[str]) -> str:
    """The query as Grafana sends it while everything is chosen."""
    for name, value in {**VARIABLES, **{f"${name}": ".*" for name in names}}.items():
        query = query.replace(name, value)
    return query


def _is_number(value: list[Any]) -> bool:
    return not math.isnan(float(value[1]))
