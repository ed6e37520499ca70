"""The network policies allow the flows that exist, and no others."""

from tests.kubernetes.manifests import COMPONENT

STORE_CLIENTS = {
    *("redis", "sentinel", "api", "worker", "exporter", "operator", "backup"),
    *("redis-exporter", "backup-exporter"),
}
#: From, to, port and protocol of each flow within the namespace.
FLOWS = {
    *((client, "redis", 6379, "TCP") for client in STORE_CLIENTS),
    *((client, "sentinel", 26379, "TCP") for client in STORE_CLIENTS),
    ("nginx", "api", 8000, "TCP"),
    ("nginx", "exporter", 5514, "UDP"),
    ("prometheus", "api", 8000, "TCP"),
    ("prometheus", "worker", 9201, "TCP"),
    ("prometheus", "exporter", 9200, "TCP"),
    ("prometheus", "prometheus", 9090, "TCP"),
    ("prometheus", "alertmanager", 9093, "TCP"),
    ("prometheus", "redis-exporter", 9121, "TCP"),
    ("prometheus", "nginx", 9113, "TCP"),
    ("prometheus", "backup-exporter", 9202, "TCP"),
    ("grafana", "prometheus", 9090, "TCP"),
}


def selected(selector) -> set[str]:
    """The components that a selector of Pods names."""
    if "matchLabels" in selector:
        return {selector["matchLabels"][COMPONENT]}
    (expression,) = selector["matchExpressions"]
    assert (expression["key"], expression["operator"]) == (COMPONENT, "In")
    return set(expression["values"])


def ports(rule):
    return {(each["port"], each["protocol"]) for each in rule["ports"]}


def policies(manifests, direction):
    return [each for each in manifests.of("NetworkPolicy") if each["spec"].get(direction.lower())]


def admitted(manifests):
    """What is let in: from, to, port, protocol."""
    return {
        (source, target, *port)
        for policy in policies(manifests, "Ingress")
        for target in selected(policy["spec"]["podSelector"])
        for rule in policy["spec"]["ingress"]
        for peer in rule.get("from", ())
        for source in selected(peer["podSelector"])
        for port in ports(rule)
    }


def released(manifests):
    """What is let out to Pods of the namespace."""
    return {
        (source, target, *port)
        for policy in policies(manifests, "Egress")
        for source in selected(policy["spec"]["podSelector"])
        for rule in policy["spec"]["egress"]
        for peer in rule["to"]
        if set(peer) == {"podSelector"}
        for target in selected(peer["podSelector"])
        for port in ports(rule)
    }


def test_every_component_that_a_policy_names_has_pods(manifests):
    named = {end for flow in FLOWS for end in flow[:2]}
    assert named == {template["metadata"]["labels"][COMPONENT] for _, template in manifests.templates()}


def test_nothing_goes_anywhere_without_a_policy(manifests):
    spec = manifests.one("NetworkPolicy", "default-deny")["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_what_is_let_in_is_what_exists(manifests):
    assert admitted(manifests) == FLOWS


def test_what_is_let_out_is_what_exists(manifests):
    assert released(manifests) == FLOWS


def test_nginx_alone_is_open_to_everyone(manifests):
    opened = [
        (selected(policy["spec"]["podSelector"]), ports(rule))
        for policy in policies(manifests, "Ingress")
        for rule in policy["spec"]["ingress"]
        if "from" not in rule
    ]
    assert opened == [({"nginx"}, {(8080, "TCP")})]


def test_what_stores_data_reaches_nothing_outside(manifests):
    reaching = {
        source
        for policy in policies(manifests, "Egress")
        for source in selected(policy["spec"]["podSelector"])
        for rule in policy["spec"]["egress"]
        for peer in rule["to"]
        if "ipBlock" in peer or "namespaceSelector" in peer
    }
    assert reaching.isdisjoint({"redis", "sentinel", "exporter"})
