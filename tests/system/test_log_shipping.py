"""What Loki, Alloy and Grafana are told of the logs, held against the lines of a real topology. They themselves are not
run here."""

import json
import re
from datetime import datetime

import pytest
import yaml

from devstack.settings import ROOT
from devstack.temporary import RunningStack
from tests.stack_fixtures import wait_until
from tests.system.shopping import Shopper

MONITORING = ROOT / "monitoring"
ALLOY = (MONITORING / "alloy" / "config.alloy").read_text()
#: A component is declared as `kind "label" {`, and named as `kind.label.what`.
DECLARED = {f"{kind}.{label}" for kind, label in re.findall(r'^([a-z.]+) "(\w+)" \{', ALLOY, re.MULTILINE)}
NAMED = {f"{kind}.{label}" for kind, label in re.findall(r"((?:loki|discovery)\.\w+)\.(\w+)\.\w+", ALLOY)}


def texts(attribute: str) -> list[str]:
    """The values of this attribute, wherever it stands, as Alloy reads them."""
    return [json.loads(f'"{text}"') for text in re.findall(rf'\b{attribute} *= "((?:[^"\\]|\\.)*)"', ALLOY)]


def fields(attribute: str) -> list[set[str]]:
    return [set(re.findall(r"(\w+) = ", inside)) for inside in re.findall(rf"\b{attribute} *= \{{([^}}]*)\}}", ALLOY)]


def lines_of(stack: RunningStack, name: str, *, ours: bool) -> list[str]:
    whole = stack.log(name).rpartition("\n")[0].splitlines()
    return [line for line in whole if line.startswith("{") == ours]


def test_every_component_is_declared_and_leads_somewhere():
    assert NAMED | {"loki.source.docker.shop"} >= DECLARED - {"loki.source.docker.shop"}
    assert NAMED <= DECLARED
    code = re.sub(r'"(?:[^"\\]|\\.)*"', "", ALLOY)
    assert code.count("{") == code.count("}")


@pytest.mark.parametrize("name", ["redis-1", "redis-2", "sentinel-1"])
def test_what_redis_writes_is_understood(stack: RunningStack, name: str):
    (expression,) = texts("expression")
    own = [line for line in lines_of(stack, name, ours=False) if "signal-handler" not in line]
    found = [re.match(expression, line) for line in own]
    assert own
    assert all(found)
    assert {match["sign"] for match in found if match} <= set(".-*#")
    assert [datetime.strptime(match["time"], "%d %b %Y %H:%M:%S.%f") for match in found if match]


@pytest.mark.parametrize("name", ["nginx", "api-1", "api-2"])
def test_the_fields_that_are_taken_out_are_in_the_lines(stack: RunningStack, staff: Shopper, name: str):
    for _ in range(4):
        staff.new_product(stock=1)
    wait_until(lambda: bool(requests_in(stack, name)))
    requests = requests_in(stack, name)
    (taken,) = fields("expressions")
    assert all(taken <= line.keys() for line in requests)
    assert all(datetime.fromisoformat(line["time"]).tzinfo for line in requests)


def requests_in(stack: RunningStack, name: str) -> list[dict]:
    """The lines about requests; nginx writes them a second late."""
    return [line for line in map(json.loads, lines_of(stack, name, ours=True)) if line["event"] == "request"]


def test_labels_are_few_and_what_differs_with_every_request_is_none():
    labels = set.union(*fields("values")[::2])
    assert labels == {"level"}


@pytest.mark.parametrize(("selector", "ours"), list(zip(texts("selector"), [True, False], strict=True)))
def test_lines_of_ours_are_told_from_those_of_redis(stack: RunningStack, selector: str, ours: bool):
    (pattern,) = re.findall(r'[|!]~ "(.*)"', selector)
    assert all(bool(re.match(pattern, line)) == ours for line in lines_of(stack, "redis-1", ours=ours))
    assert lines_of(stack, "redis-1", ours=ours)


def test_a_request_can_be_followed_from_any_line_in_which_it_is_named(stack: RunningStack, staff: Shopper):
    source = yaml.safe_load((MONITORING / "grafana/provisioning/datasources/loki.yml").read_text())["datasources"][0]
    (derived,) = source["jsonData"]["derivedFields"]
    for _ in range(4):
        staff.new_product(stock=1)
    lines = [line for line in lines_of(stack, "api-1", ours=True) if '"request_id"' in line]
    assert lines
    assert all(re.search(derived["matcherRegex"], line) for line in lines)
    assert derived["datasourceUid"] == source["uid"]


def test_loki_is_where_alloy_and_grafana_look_for_it():
    loki = yaml.safe_load((MONITORING / "loki" / "loki.yml").read_text())
    source = yaml.safe_load((MONITORING / "grafana/provisioning/datasources/loki.yml").read_text())["datasources"][0]
    at = f"http://loki:{loki['server']['http_listen_port']}"
    assert source["url"] == at
    assert texts("url") == [f"{at}/loki/api/v1/push"]
