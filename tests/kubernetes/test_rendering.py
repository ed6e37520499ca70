"""Every choice of components is rendered, and is what three versions of Kubernetes take."""

import subprocess

import pytest
import yaml

from tests.kubernetes.manifests import KUBERNETES, choices, parse, program, render, run

#: The oldest that the manifests are for, and the newest two minor versions of three that the schemas are of.
VERSIONS = ("1.31.0", "1.34.0", "1.37.0")


@pytest.mark.parametrize("components", list(choices()), ids=lambda each: "+".join(each) or "base")
def test_every_version_takes_every_choice_of_components(components, local, tmp_path):
    file = tmp_path / "rendered.yaml"
    file.write_text(render(local, *components))
    for version in VERSIONS:
        run(program("kubernetes-validate"), "--strict", "--no-warn", "-k", version, file)


def test_a_field_that_no_version_knows_is_found(local, tmp_path):
    objects = list(yaml.safe_load_all(render(local)))
    next(each for each in objects if each["kind"] == "StatefulSet")["spec"]["podManagmentPolicy"] = "Parallel"
    file = tmp_path / "rendered.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    words = [program("kubernetes-validate"), "--strict", "-k", VERSIONS[0], str(file)]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode != 0
    assert "podManagmentPolicy" in answer.stdout + answer.stderr


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
