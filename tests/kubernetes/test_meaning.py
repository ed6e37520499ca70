"""What the manifests mean together: each name leads somewhere, and the rules of docs/kubernetes.md hold."""

import re

import pytest

from configuration.reading import KNOWN
from configuration.table import VARIABLES
from tests.architecture.sources import ROOT
from tests.kubernetes.manifests import COMPONENT, pod_template

STORE = {"redis": 6379, "sentinel": 26379}
#: A program of the image at this path is a file of the repository; others come with the images that ours stand on.
OF_THE_IMAGE = re.compile(r"^(deploy/[\w/.]+|manage\.py)$")


def labels_of(template):
    return template["metadata"]["labels"]


def matching(manifests, selector):
    """The workloads whose Pods a selector finds; the name of one Pod of a StatefulSet is looked at apart."""
    wanted = {name: value for name, value in selector.items() if name != "statefulset.kubernetes.io/pod-name"}
    return [name for name, template in manifests.templates() if wanted.items() <= labels_of(template).items()]


def container_of(manifests, name):
    """The container that has the name of its workload."""
    containers = dict(manifests.templates())[name]["spec"]["containers"]
    return next(each for each in containers if each["name"] == name)


def variables(container):
    return {each["name"]: each for each in container.get("env", ())}


def test_every_service_and_budget_finds_the_pods_of_one_workload(manifests):
    selectors = [(each["metadata"]["name"], each["spec"]["selector"]) for each in manifests.of("Service")]
    selectors += [
        (each["metadata"]["name"], each["spec"]["selector"]["matchLabels"])
        for each in manifests.of("PodDisruptionBudget")
    ]
    assert len(selectors) > 12
    assert {
        name: len(matching(manifests, selector))
        for name, selector in selectors
        if len(matching(manifests, selector)) != 1
    } == {}


def test_every_port_of_a_service_and_probe_is_one_of_the_container(manifests):
    for service in manifests.of("Service"):
        (workload,) = matching(manifests, service["spec"]["selector"])
        ports = {
            (port["name"], port.get("protocol", "TCP"))
            for container in dict(manifests.templates())[workload]["spec"]["containers"]
            for port in container["ports"]
        }
        assert {(port["targetPort"], port.get("protocol", "TCP")) for port in service["spec"]["ports"]} <= ports
    for name, container in manifests.containers():
        probed = {
            container[each][way]["port"]
            for each in container
            for way in ("httpGet", "tcpSocket")
            if "Probe" in each and way in container[each]
        }
        assert probed <= {port["name"] for port in container.get("ports", ())}, name


def test_probes_ask_for_routes_and_scripts_that_exist(manifests):
    routes = set(re.findall(r'path\("(\w+)"', (ROOT / "evergreen" / "urls.py").read_text("utf-8")))
    # nginx's page of its status is at its root; the last one is Grafana's.
    served = {f"/{route}" for route in routes} | {"/", "/api/health"}
    asked = set()
    for _, container in manifests.containers():
        for probe in (container[name] for name in container if name.endswith("Probe")):
            if "httpGet" in probe:
                assert probe["httpGet"]["path"] in served
                asked.add(probe["httpGet"]["path"])
            elif "exec" in probe and OF_THE_IMAGE.match(probe["exec"]["command"][0]):
                assert (ROOT / probe["exec"]["command"][0]).is_file()
                asked.add(probe["exec"]["command"][0])
    assert {"/livez", "/readyz", "deploy/redis/healthy", "deploy/sentinel/healthy", "deploy/redis/alive"} <= asked


@pytest.mark.parametrize("name", ["redis", "api"])
def test_a_start_may_take_minutes(name, manifests):
    probe = container_of(manifests, name)["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 900


def test_the_programs_of_our_images_exist(manifests):
    for name, container in manifests.containers():
        for word in container.get("command", ()):
            if OF_THE_IMAGE.match(word):
                assert (ROOT / word).is_file(), name


def test_every_configmap_secret_and_claim_that_is_named_exists(manifests):
    for name, template in manifests.templates():
        for volume in template["spec"].get("volumes", ()):
            if "secret" in volume:
                data = manifests.one("Secret", volume["secret"]["secretName"])["data"]
                assert {item["key"] for item in volume["secret"].get("items", ())} <= set(data), name
            if "configMap" in volume:
                assert volume["configMap"]["name"] in manifests.names("ConfigMap"), name
        containers = (*template["spec"].get("initContainers", ()), *template["spec"]["containers"])
        for container in containers:
            for source in container.get("envFrom", ()):
                assert source["configMapRef"]["name"] in manifests.names("ConfigMap"), name
        mounted = {mount["name"] for container in containers for mount in container.get("volumeMounts", ())}
        claims = {
            each["metadata"]["name"]
            for workload in manifests.of("StatefulSet")
            if workload["metadata"]["name"] == name
            for each in workload["spec"].get("volumeClaimTemplates", ())
        }
        assert mounted == {each["name"] for each in template["spec"].get("volumes", ())} | claims, name


def test_every_variable_is_declared(manifests):
    others = {"TMPDIR"}
    for name, container in manifests.containers():
        of_grafana = {each for each in variables(container) if name == "grafana" and each.startswith("GF_")}
        assert set(variables(container)) - set(KNOWN) - others - of_grafana == set(), name
    for settings in manifests.of("ConfigMap"):
        if settings["metadata"]["name"].startswith("settings-"):
            assert set(settings["data"]) - set(KNOWN) == set()


def test_the_configmap_holds_no_secret(manifests):
    secrets = {variable.name for variable in VARIABLES if variable.is_secret}
    for each in manifests.of("ConfigMap"):
        assert secrets & set(each["data"]) == set()


def test_no_service_sets_a_variable_of_the_shop(manifests):
    """A Pod gets variables that begin with the name of each Service."""
    starts = tuple(f"{each['metadata']['name'].upper().replace('-', '_')}_" for each in manifests.of("Service"))
    allowed = ("SERVICE_HOST", "SERVICE_PORT", "PORT")
    assert [
        name
        for name in KNOWN
        for start in starts
        if name.startswith(start) and name.removeprefix(start).startswith(allowed)
    ] == []


def test_a_reference_to_a_service_is_to_one_that_has_an_address(manifests):
    found = set()
    for _, container in manifests.containers():
        for each in variables(container).values():
            found |= set(re.findall(r"\$\((\w+_SERVICE_HOST)\)", each.get("value", "")))
    assert found
    assert found <= manifests.service_hosts()


def test_as_many_pods_run_and_are_counted_as_the_settings_say(numbers, numbered):
    data_nodes, sentinels = numbers
    assert [numbered.one("StatefulSet", kind)["spec"]["replicas"] for kind in STORE] == [data_nodes, sentinels]
    for name in ("api", "worker", "exporter", "operator"):
        (source,) = container_of(numbered, name)["envFrom"]
        settings = numbered.one("ConfigMap", source["configMapRef"]["name"])["data"]
        assert settings["EVERGREEN_REPLICAS"] == str(data_nodes - 1)
        assert "EVERGREEN_SENTINELS" not in settings


@pytest.mark.parametrize("kind", STORE)
def test_each_server_has_a_service_of_its_own_that_is_announced(kind, numbered):
    names = [f"{kind}-{number}" for number in range(replicas_of(numbered, kind))]
    for name in names:
        spec = numbered.one("Service", name)["spec"]
        assert spec["selector"] == {COMPONENT: kind, "statefulset.kubernetes.io/pod-name": name}
        assert spec["publishNotReadyAddresses"] is True
        assert spec.get("clusterIP") != "None"
        assert [port["port"] for port in spec["ports"]] == [STORE[kind]]
    announced = ",".join(f"$({name.upper().replace('-', '_')}_SERVICE_HOST):{STORE[kind]}" for name in names)
    variable = {"redis": "EVERGREEN_REDIS_NODES", "sentinel": "REDIS_SENTINEL"}[kind]
    texts = {
        each[variable]["value"] for _, each in ((n, variables(c)) for n, c in numbered.containers()) if variable in each
    }
    assert texts == {announced}


@pytest.mark.parametrize("kind", STORE)
def test_each_server_is_given_every_data_node_and_every_sentinel(kind, manifests):
    (container,) = dict(manifests.templates())[kind]["spec"]["containers"]
    assert {"EVERGREEN_REDIS_NODES", "REDIS_SENTINEL", "EVERGREEN_POD", "EVERGREEN_BIND"} <= set(variables(container))


def test_nginx_admits_as_many_requests_as_instances_are_set_for(manifests):
    """Both have the settings from the same ConfigMap, and no value of their own."""
    shared = {"EVERGREEN_INSTANCE_REQUESTS", "GUNICORN_WORKERS"}
    sources = set()
    for name in ("api", "nginx"):
        container = container_of(manifests, name)
        sources |= {each["configMapRef"]["name"] for each in container["envFrom"]}
        assert not shared & set(variables(container)), name
    (source,) = sources
    assert shared <= set(manifests.one("ConfigMap", source)["data"])


@pytest.mark.parametrize("kind", STORE)
def test_servers_start_side_by_side_and_are_replaced_by_the_script_alone(kind, manifests):
    spec = manifests.one("StatefulSet", kind)["spec"]
    assert spec["podManagementPolicy"] == "Parallel"
    assert spec["updateStrategy"] == {"type": "OnDelete"}
    assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    assert [each["spec"]["accessModes"] for each in spec["volumeClaimTemplates"]] == [["ReadWriteOncePod"]]


@pytest.mark.parametrize("kind", STORE)
def test_servers_are_apart_and_last_to_be_evicted(kind, numbered):
    spec = pod_template(numbered.one("StatefulSet", kind))["spec"]
    (term,) = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term == {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {COMPONENT: kind}}}
    assert [each["labelSelector"]["matchLabels"][COMPONENT] for each in spec["topologySpreadConstraints"]] == [kind]
    assert spec["priorityClassName"] in numbered.names("PriorityClass")
    for container in spec["containers"]:
        assert container["resources"]["requests"] == container["resources"]["limits"]


def test_an_eviction_leaves_a_majority_of_the_sentinels_and_a_node_with_every_write(numbered):
    """Of two data nodes the other one has every write, but takes none until both are there."""
    left = {kind: replicas_of(numbered, kind) - max_unavailable(numbered, kind) for kind in STORE}
    assert left["sentinel"] > replicas_of(numbered, "sentinel") / 2
    assert left["redis"] >= min(replicas_of(numbered, "redis") - 1, 2)


def replicas_of(manifests, kind):
    return manifests.one("StatefulSet", kind)["spec"]["replicas"]


def max_unavailable(manifests, kind):
    return manifests.one("PodDisruptionBudget", kind)["spec"]["maxUnavailable"]


def test_budgets_leave_more_than_they_take(manifests):
    for budget in manifests.of("PodDisruptionBudget"):
        name = budget["metadata"]["name"]
        assert budget["spec"]["maxUnavailable"] == 1
        workload = next(each for each in manifests.of("StatefulSet", "Deployment") if each["metadata"]["name"] == name)
        # What an autoscaler counts begins at its minimum.
        assert workload["spec"].get("replicas", 2) >= 2
    for name in ("api", "nginx"):
        assert manifests.one("PodDisruptionBudget", name)["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_nginx_follows_the_instances_behind_a_headless_service(manifests):
    name = variables(container_of(manifests, "nginx"))["EVERGREEN_INSTANCES_NAME"]["value"]
    service = manifests.one("Service", name)["spec"]
    assert service["clusterIP"] == "None"
    assert matching(manifests, service["selector"]) == ["api"]
    assert "API_SERVICE_HOST" not in manifests.service_hosts()


def test_every_image_is_one_that_is_built_or_pinned(manifests):
    built = {
        f"evergreen-{target}"
        for target in re.findall(r"AS (\w+)$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    }
    pinned = set(re.findall(r"\$\{[A-Z_]+_IMAGE:-([^}]+)\}", (ROOT / "deploy/compose.yml").read_text("utf-8")))
    for name, container in manifests.containers():
        image = container["image"]
        assert image.partition(":")[0] in built or image in pinned, name


def test_a_grace_period_outlasts_the_pause_before_it(manifests):
    for name, template in manifests.templates():
        for container in template["spec"]["containers"]:
            words = " ".join(container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ()))
            paused = sum(map(int, re.findall(r"sleep (\d+)", words)))
            assert template["spec"]["terminationGracePeriodSeconds"] > paused, name
    assert dict(manifests.templates())["redis"]["spec"]["terminationGracePeriodSeconds"] >= 60


def test_the_autoscaler_asks_for_what_exists(manifests):
    autoscaler = manifests.one("HorizontalPodAutoscaler", "api")["spec"]
    assert autoscaler["minReplicas"] >= 2
    assert "replicas" not in manifests.one("Deployment", "api")["spec"]
    values = (ROOT / "deploy/kubernetes/components/autoscaling/adapter-values.yaml").read_text("utf-8")
    (external,) = [each["external"] for each in autoscaler["metrics"] if each["type"] == "External"]
    assert f"as: {external['metric']['name']}}}" in values
