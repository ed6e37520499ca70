"""Every choice of components is rendered, and is what three versions of Kubernetes take."""

import functools
import json

import kubernetes_validate
import pytest

from tests.kubernetes.manifests import KUBERNETES, choices, parse, program, render, run

#: The oldest that the manifests are for, and the newest two minor versions of three that the schemas are of.
VERSIONS = ("1.31.0", "1.34.0", "1.37.0")


@functools.cache
def _check(text: str, version: str) -> None:
    """Raise ValidationError where this version refuses the object. Choices share objects: each is looked at once."""
    kubernetes_validate.validate(json.loads(text), version, strict=True)


def check(objects) -> None:
    for version in VERSIONS:
        for each in objects:
            _check(json.dumps(each, sort_keys=True, default=str), version)


@pytest.mark.parametrize("components", list(choices()), ids=lambda each: "+".join(each) or "base")
def test_every_version_takes_every_choice_of_components(components, local):
    objects = parse(render(local, *components)).objects
    assert len(objects) > 20
    check(objects)


def test_every_version_takes_every_number(numbered):
    check([*numbered.of("StatefulSet", "Deployment", "CronJob", "Service")])


def test_a_field_that_no_version_knows_is_found(local):
    stateful = json.loads(json.dumps(parse(render(local)).one("StatefulSet", "redis"), default=str))
    stateful["spec"]["podManagmentPolicy"] = "Parallel"
    with pytest.raises(kubernetes_validate.ValidationError, match="podManagmentPolicy"):
        check([stateful])


def test_the_base_is_rendered_without_an_overlay():
    assert len(parse(run(program("kubectl"), "kustomize", KUBERNETES / "base")).objects) > 20


def test_no_two_objects_have_the_same_kind_and_name(manifests):
    found = [(each["kind"], each["metadata"]["name"]) for each in manifests.objects]
    assert len(found) == len(set(found))


def test_every_object_is_in_the_namespace_of_the_shop(manifests):
    cluster_wide = {"Namespace", "PriorityClass"}
    assert {each["metadata"].get("namespace") for each in manifests.objects if each["kind"] not in cluster_wide} == {
        "evergreen"
    }
