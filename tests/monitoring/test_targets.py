"""What Prometheus scrapes of a shop that runs, and what docs/metrics.md says of it."""

import re
import ssl

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exactly_once.client import Address
from operations import certificates
from tests.architecture.sources import ROOT
from tests.stack_fixtures import wait_until

OURS = ("evergreen_", "django_http_")
ROW = re.compile(r"^\| `(?P<name>\w+)` \| (?P<type>\w+) \|(?P<labels>.*?)\|.*?\| .+ \|$", re.MULTILINE)


def documented() -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of each metric in the tables of docs/metrics.md."""
    text = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    return {row["name"]: (row["type"], frozenset(re.findall(r"`(\w+)`", row["labels"]))) for row in ROW.finditer(text)}


def scraped(url: str, auth: tuple[str, str]) -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of each metric of ours that a scrape of this address has."""
    found = {}
    for family in text_string_to_metric_families(httpx.get(f"{url}/metrics", auth=auth).text):
        if family.name.startswith(OURS) and family.samples:
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            found[name] = (family.type, frozenset(labels))
    return found


def ours(watched) -> list[Address]:
    """Where our own programs are scraped."""
    layout = watched.stack.layout
    schedules = layout.schedules.values()
    return [*layout.instances.values(), *layout.workers.values(), *schedules, layout.monitors["exporter"]]


def exported(watched) -> dict[str, tuple[str, frozenset[str]]]:
    return {
        name: kind
        for address in ours(watched)
        for name, kind in scraped(f"http://{address}", watched.prometheus.auth).items()
    }


def test_every_part_is_scraped(watched):
    layout = watched.stack.layout
    parts = {f"redis/{n}" for n in layout.redis} | {f"sentinel/{n}" for n in layout.sentinels}
    parts |= {f"api/{n}" for n in layout.instances} | {f"worker/{n}" for n in layout.workers}
    parts |= {"nginx/nginx", "node/node", "backup/backup"}
    parts |= {f"{name}/{name}" for name in ("exporter", "prometheus", "alertmanager")}
    wait_until(lambda: watched.prometheus.targets() == dict.fromkeys(parts, "up"))


def test_what_is_exported_is_documented_and_what_is_documented_is_exported(watched):
    assert exported(watched) == documented()


def test_no_metric_has_more_series_than_a_shop_of_any_size_should_have(watched):
    for address in ours(watched):
        text = httpx.get(f"http://{address}/metrics", auth=watched.prometheus.auth).text
        for family in text_string_to_metric_families(text):
            assert len([s for s in family.samples if not s.name.endswith("_bucket")]) < 200, family.name


def test_nobody_outside_is_shown_the_metrics(watched):
    assert httpx.get(f"{watched.stack.base_url}/metrics").status_code == 404


@pytest.mark.parametrize(
    "name", ["api-1", "worker-1", "exporter", "exporter-nginx", "exporter-node", "prometheus", "alertmanager"]
)
@pytest.mark.parametrize("auth", [None, ("prometheus", "guessed")])
def test_what_monitors_answers_401_without_the_password(watched, name, auth):
    layout = watched.stack.layout
    address = (layout.instances | layout.workers | layout.monitors)[name]
    assert httpx.get(f"http://{address}/metrics", auth=auth).status_code == 401


def test_where_the_metrics_of_an_instance_are_there_is_nothing_else_of_it(watched):
    address = watched.stack.layout.instances["api-1"]
    assert httpx.get(f"http://{address}/api/v1/products/", auth=watched.prometheus.auth).status_code == 404


def test_the_exporter_of_the_data_nodes_answers_prometheus_alone(watched):
    context = ssl.create_default_context(cafile=certificates.authority(watched.stack.layout.certificates))
    address = watched.stack.layout.monitors["exporter-redis"]
    with pytest.raises(httpx.TransportError):
        httpx.get(f"https://{address}/metrics", verify=context)
    context.load_cert_chain(*certificates.files(watched.stack.layout.certificates, "prometheus"))
    assert httpx.get(f"https://{address}/metrics", verify=context).status_code == 200


def test_every_request_that_nginx_answers_is_counted(watched):
    before = answered(watched)
    for _ in range(100):
        httpx.get(f"{watched.stack.base_url}/nowhere")
    wait_until(lambda: answered(watched) == before + 100)


def answered(watched) -> float:
    """How many requests for what is not there nginx has answered, as the exporter counts them."""
    url = f"http://{watched.stack.layout.monitors['exporter']}/metrics"
    text = httpx.get(url, auth=watched.prometheus.auth).text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    wanted = {"method": "GET", "status": "404"}
    return sum(s.value for s in samples if s.name == "evergreen_nginx_requests_total" and s.labels == wanted)
