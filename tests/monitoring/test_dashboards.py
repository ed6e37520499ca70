"""Every panel of every dashboard, asked of a Prometheus that has watched load and a failover."""

import json
import time
from typing import Any

import pytest
import yaml

from monitoring.grafana.__main__ import DASHBOARDS, FOLDER, text
from tests.architecture.sources import ROOT
from tests.monitoring.prometheus import without_variables

FILES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}
PROVISIONING = ROOT / "monitoring" / "grafana" / "provisioning"


def panels() -> list[Any]:
    return [
        pytest.param(document, panel, id=f"{name}: {panel['title']}")
        for name, document in FILES.items()
        for panel in document["panels"]
        if panel["type"] != "row"
    ]


def annotations() -> list[Any]:
    return [
        pytest.param(annotation, id=f"{name}: {annotation['name']}")
        for name, document in FILES.items()
        for annotation in document["annotations"]["list"]
    ]


def variables(document: dict[str, Any]) -> list[str]:
    return [variable["name"] for variable in document["templating"]["list"]]


@pytest.mark.parametrize(("document", "panel"), panels())
def test_a_panel_shows_something(watched, document, panel):
    queries = [without_variables(target["expr"], variables(document)) for target in panel["targets"]]
    assert [query for query in queries if "$" in query] == []
    shown = {query: watched.prometheus.series(query, watched.since, time.time()) for query in queries}
    # No shop of a test has been there a week ago.
    assert [query for query, series in shown.items() if not series and "offset 1w" not in query] == []


@pytest.mark.parametrize("annotation", annotations())
def test_a_failover_is_marked(watched, annotation):
    assert watched.prometheus.series(annotation["expr"], watched.since, time.time())


@pytest.mark.parametrize(
    "variable",
    [pytest.param(v, id=f"{name}: {v['name']}") for name, d in FILES.items() for v in d["templating"]["list"]],
)
def test_a_variable_has_values(watched, variable):
    metric, label = variable["query"]["query"].removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
    found = watched.prometheus.series(metric, watched.since, time.time())
    assert {series["metric"][label] for series in found}


def test_the_files_are_those_that_the_source_makes():
    made = {name: text(dashboard) for name, dashboard in DASHBOARDS.items()}
    assert made == {name: FOLDER.joinpath(f"{name}.json").read_text("utf-8") for name in FILES}


@pytest.mark.parametrize("document", FILES.values(), ids=FILES)
def test_panels_do_not_lie_on_each_other(document):
    places = [panel["gridPos"] for panel in document["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_every_panel_asks_the_datasource_that_is_provisioned():
    provisioned = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    asked = {t["datasource"]["uid"] for d in FILES.values() for p in d["panels"] for t in p.get("targets", ())}
    assert asked == {provisioned[0]["uid"]}


def test_dashboards_are_looked_for_where_compose_puts_them():
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "evergreen.yml").read_text())["providers"]
    grafana = yaml.safe_load((ROOT / "deploy" / "compose.yml").read_text())["services"]["grafana"]
    assert f"../monitoring/grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]
