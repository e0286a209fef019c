"""Checks of all kinds except NetworkPolicy: a whole object in, the refused fields out."""

from typing import Any

import pytest

from netpol_harness.emulator.apiserver.resources import BY_PLURAL
from netpol_harness.emulator.apiserver.validation import check

CONTAINER = {"name": "a", "image": "nginx"}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [CONTAINER]}}


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "spec": {"containers": [CONTAINER], **spec}}


def with_ports(*ports: dict[str, Any]) -> dict[str, Any]:
    return pod(containers=[{**CONTAINER, "ports": list(ports)}])


def service(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "spec": {"type": "ClusterIP", "ports": [{"port": 80}], **spec}}


def deployment(**spec: Any) -> dict[str, Any]:
    whole = {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE, **spec}
    return {"metadata": {"name": "x"}, "spec": {name: value for name, value in whole.items() if value is not None}}


def config_map(**rest: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, **rest}


@pytest.mark.parametrize(
    ("resource", "obj", "fields"),
    [
        ("pods", pod(), []),
        ("pods", {"metadata": {"name": "X"}, "spec": {"containers": [CONTAINER]}}, ["metadata.name"]),
        ("pods", {"metadata": {}, "spec": {"containers": [CONTAINER]}}, ["metadata.name"]),
        ("pods", {**pod(), "metadata": {"name": "x", "labels": {"a/b/c": ""}}}, ["metadata.labels"]),
        ("pods", pod(containers=[]), ["spec.containers"]),
        ("pods", pod(containers=[{"name": "a"}]), ["spec.containers[0].image"]),
        ("pods", pod(containers=[CONTAINER, CONTAINER]), ["spec.containers[1].name"]),
        ("pods", pod(containers=[CONTAINER], initContainers=[CONTAINER]), ["spec.initContainers[0].name"]),
        ("pods", pod(restartPolicy="Maybe"), ["spec.restartPolicy"]),
        ("pods", pod(hostname="a.b"), ["spec.hostname"]),
        ("pods", with_ports({"containerPort": 80}, {"containerPort": 80}), []),
        ("pods", with_ports({"containerPort": 70000}), ["spec.containers[0].ports[0].containerPort"]),
        ("pods", with_ports({"containerPort": 1, "protocol": "X"}), ["spec.containers[0].ports[0].protocol"]),
        ("pods", with_ports({"containerPort": 1, "name": "Qa"}), ["spec.containers[0].ports[0].name"]),
        (
            "pods",
            with_ports({"containerPort": 1, "name": "q"}, {"containerPort": 2, "name": "q"}),
            ["spec.containers[0].ports[1].name"],
        ),
        (
            "pods",
            pod(containers=[{**CONTAINER, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]),
            ["spec.containers[0].volumeMounts[0].name"],
        ),
        ("services", service(), []),
        ("services", service(ports=[]), ["spec.ports"]),
        ("services", service(ports=[], clusterIP="None"), []),
        ("services", service(ports=[{"port": 0}]), ["spec.ports[0].port"]),
        ("services", service(ports=[{"port": 1}, {"port": 2}]), ["spec.ports[0].name", "spec.ports[1].name"]),
        ("services", service(ports=[{"port": 1, "name": "a"}, {"port": 2, "name": "a"}]), ["spec.ports[1].name"]),
        ("services", service(ports=[{"port": 1, "name": "a"}, {"port": 1, "name": "b"}]), ["spec.ports[1]"]),
        ("services", service(ports=[{"port": 1, "targetPort": "Aa"}]), ["spec.ports[0].targetPort"]),
        ("services", service(ports=[{"port": 1, "nodePort": 30000}]), ["spec.ports[0].nodePort"]),
        ("services", service(type="Other"), ["spec.type"]),
        ("services", service(type="ExternalName"), ["spec.externalName"]),
        ("services", service(ipFamilies=["IPv6"]), ["spec.ipFamilies[0]"]),
        ("services", service(selector={"a": " "}), ["spec.selector"]),
        ("deployments", deployment(), []),
        ("deployments", deployment(selector=None), ["spec.selector"]),
        ("deployments", deployment(selector={}), ["spec.selector"]),
        ("deployments", deployment(replicas=-1), ["spec.replicas"]),
        ("deployments", deployment(selector={"matchLabels": {"app": "y"}}), ["spec.template.metadata.labels"]),
        ("deployments", deployment(template={**TEMPLATE, "spec": {}}), ["spec.template.spec.containers"]),
        ("configmaps", config_map(data={"a b": ""}), ["data[a b]"]),
    ],
    ids=str,
)
def test_refused_fields(resource: str, obj: dict[str, Any], fields: list[str]) -> None:
    known = {name: value for name, value in obj.items() if name in ("metadata", "spec", "data")}
    assert [cause.field for cause in check(BY_PLURAL[resource], known, None)] == fields


@pytest.mark.parametrize(
    ("resource", "before", "after", "fields"),
    [
        ("pods", pod(), pod(containers=[{**CONTAINER, "image": "other"}]), []),
        ("pods", pod(), pod(nodeName="n"), []),
        ("pods", pod(nodeName="n"), pod(nodeName="m"), ["spec"]),
        ("pods", pod(), pod(containers=[{**CONTAINER, "env": [{"name": "A"}]}]), ["spec"]),
        ("services", service(clusterIPs=["10.96.1.1"]), service(clusterIPs=["10.96.1.2"]), ["spec.clusterIPs[0]"]),
        ("services", service(clusterIPs=["10.96.1.1"]), service(type="ExternalName", externalName="a"), []),
        (
            "deployments",
            deployment(),
            deployment(selector={"matchExpressions": [{"key": "app", "operator": "Exists"}]}),
            ["spec.selector"],
        ),
        ("configmaps", config_map(immutable=True), config_map(immutable=True, data={"a": "b"}), ["data"]),
        ("configmaps", config_map(immutable=True), config_map(), ["immutable"]),
    ],
    ids=str,
)
def test_refused_changes(resource: str, before: dict[str, Any], after: dict[str, Any], fields: list[str]) -> None:
    assert [cause.field for cause in check(BY_PLURAL[resource], after, before)] == fields
