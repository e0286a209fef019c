"""Checks of all kinds except NetworkPolicy: a whole object in, the refused fields out."""

from typing import Any

import pytest

from netpol_harness.emulator.apiserver.built_in_kinds import BY_PLURAL
from netpol_harness.emulator.apiserver.validation import check

CONTAINER = {"name": "a", "image": "nginx"}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [CONTAINER]}}


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "spec": {"containers": [CONTAINER], **spec}}


def with_ports(*ports: dict[str, Any]) -> dict[str, Any]:
    return pod(containers=[{**CONTAINER, "ports": list(ports)}])


def service(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "spec": {"type": "ClusterIP", "ports": [{"port": 80}], **spec}}


def affinity(seconds: int) -> dict[str, Any]:
    return service(sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": seconds}})


def endpoint_slice(addresses: list[str], kind: str = "IPv4", **endpoint: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "addressType": kind, "endpoints": [{"addresses": addresses, **endpoint}]}


def with_slice_ports(*ports: dict[str, Any]) -> dict[str, Any]:
    return {**endpoint_slice(["10.0.0.1"]), "ports": list(ports)}


def endpoints(addresses: list[dict[str, str]], *ports: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "subsets": [{"addresses": addresses, "ports": list(ports)}]}


def deployment(**spec: Any) -> dict[str, Any]:
    whole = {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE, **spec}
    return {"metadata": {"name": "x"}, "spec": {name: value for name, value in whole.items() if value is not None}}


def stateful_set(mount: str = "data") -> dict[str, Any]:
    mounted = {**CONTAINER, "volumeMounts": [{"name": mount, "mountPath": "/data"}]}
    claims = [{"metadata": {"name": "data"}}]
    return deployment(template={**TEMPLATE, "spec": {"containers": [mounted]}}, volumeClaimTemplates=claims)


def job(policy: str = "Never", **spec: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [CONTAINER], "restartPolicy": policy}}
    return {"metadata": {"name": "x"}, "spec": {"template": template, **spec}}


def cron_job(schedule: str) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "spec": {"schedule": schedule, "jobTemplate": {"spec": job()["spec"]}}}


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
        ("services", service(selector={"a": " "}), ["spec.selector"]),
        ("services", service(type="LoadBalancer", loadBalancerSourceRanges=[" 10.0.0.0/8"]), []),
        (
            "services",
            service(type="LoadBalancer", loadBalancerSourceRanges=["10.0.0.0"]),
            ["spec.loadBalancerSourceRanges[0]"],
        ),
        ("services", service(loadBalancerSourceRanges=["10.0.0.0/8"]), ["spec.loadBalancerSourceRanges"]),
        ("services", service(externalTrafficPolicy="Local"), ["spec.externalTrafficPolicy"]),
        ("services", service(externalTrafficPolicy="Local", externalIPs=["192.0.2.7"]), []),
        ("services", service(ipFamilyPolicy="PreferDualStack"), []),
        ("services", affinity(0), ["spec.sessionAffinityConfig.clientIP.timeoutSeconds"]),
        ("services", affinity(86400), []),
        ("endpointslices", endpoint_slice(["10.0.0.1", "10.0.0.2"]), []),
        ("endpointslices", endpoint_slice(["fd00::1"], "IPv6"), []),
        ("endpointslices", endpoint_slice(["db.example.com"], "FQDN"), []),
        ("endpointslices", endpoint_slice(["10.0.0.1"], "IPv5"), ["addressType"]),
        ("endpointslices", endpoint_slice(["fd00::1"]), ["endpoints[0].addresses[0]"]),
        ("endpointslices", endpoint_slice(["Not A Name"], "FQDN"), ["endpoints[0].addresses[0]"]),
        ("endpointslices", endpoint_slice(["127.0.0.1"]), ["endpoints[0].addresses[0]"]),
        ("endpointslices", endpoint_slice(["169.254.169.254"]), ["endpoints[0].addresses[0]"]),
        ("endpointslices", endpoint_slice([]), ["endpoints[0].addresses"]),
        ("endpointslices", endpoint_slice(["10.0.0.1"], hostname="A"), ["endpoints[0].hostname"]),
        ("endpointslices", with_slice_ports({"port": 1}, {"port": 2}), ["ports[1].name"]),
        ("endpointslices", with_slice_ports({"port": 0}), ["ports[0].port"]),
        ("endpointslices", with_slice_ports({"name": "A", "protocol": "X"}), ["ports[0].name", "ports[0].protocol"]),
        ("endpoints", endpoints([{"ip": "10.0.0.1"}], {"port": 80}), []),
        ("endpoints", endpoints([{"ip": "10.0.0"}]), ["subsets[0].addresses[0].ip"]),
        ("endpoints", endpoints([{"ip": "0.0.0.0"}]), ["subsets[0].addresses[0].ip"]),
        ("endpoints", endpoints([]), ["subsets[0]"]),
        (
            "endpoints",
            endpoints([{"ip": "10.0.0.1"}], {"port": 1, "name": "a"}, {"port": 0}),
            ["subsets[0].ports[1].name", "subsets[0].ports[1].port"],
        ),
        ("deployments", deployment(), []),
        ("deployments", deployment(selector=None), ["spec.selector"]),
        ("deployments", deployment(selector={}), ["spec.selector"]),
        ("deployments", deployment(replicas=-1), ["spec.replicas"]),
        ("deployments", deployment(selector={"matchLabels": {"app": "y"}}), ["spec.template.metadata.labels"]),
        ("deployments", deployment(template={**TEMPLATE, "spec": {}}), ["spec.template.spec.containers"]),
        ("statefulsets", stateful_set(), []),
        ("statefulsets", stateful_set("other"), ["spec.template.spec.containers[0].volumeMounts[0].name"]),
        ("statefulsets", deployment(podManagementPolicy="Any"), ["spec.podManagementPolicy"]),
        ("daemonsets", deployment(), []),
        ("daemonsets", deployment(updateStrategy={"type": "Recreate"}), ["spec.updateStrategy.type"]),
        ("replicationcontrollers", deployment(selector={"app": "x"}), []),
        ("replicationcontrollers", deployment(selector={"app": "y"}), ["spec.template.metadata.labels"]),
        ("replicationcontrollers", deployment(selector={}, template=None), ["spec.selector", "spec.template"]),
        ("deploymentconfigs", deployment(selector={"app": "x"}, replicas=-1), ["spec.replicas"]),
        ("jobs", job(), []),
        ("jobs", job("Always"), ["spec.template.spec.restartPolicy"]),
        ("jobs", job("Sometimes"), ["spec.template.spec.restartPolicy"]),
        ("jobs", job(parallelism=-1), ["spec.parallelism"]),
        ("jobs", job(completionMode="Indexed"), ["spec.completions"]),
        ("cronjobs", cron_job("*/5 1-3,7 * JAN-mar mon"), []),
        ("cronjobs", cron_job("@daily"), []),
        ("cronjobs", cron_job("@every 1h30m"), []),
        ("cronjobs", cron_job("@sometimes"), ["spec.schedule"]),
        ("cronjobs", cron_job("* * * *"), ["spec.schedule"]),
        ("cronjobs", cron_job("60 * * * *"), ["spec.schedule"]),
        ("cronjobs", cron_job("9-5 * * * *"), ["spec.schedule"]),
        ("cronjobs", cron_job("*/x * * * *"), ["spec.schedule"]),
        ("clusterroles", {"metadata": {"name": "system:node"}}, []),
        ("clusterroles", {"metadata": {"name": "a/b"}}, ["metadata.name"]),
        ("configmaps", config_map(data={"a b": ""}), ["data[a b]"]),
    ],
    ids=str,
)
def test_refused_fields(resource: str, obj: dict[str, Any], fields: list[str]) -> None:
    assert [cause.field for cause in check(BY_PLURAL[resource], obj, None)] == fields


@pytest.mark.parametrize(
    ("resource", "before", "after", "fields"),
    [
        ("pods", pod(), pod(containers=[{**CONTAINER, "image": "other"}]), []),
        ("pods", pod(), pod(nodeName="n"), []),
        ("pods", pod(nodeName="n"), pod(nodeName="m"), ["spec"]),
        ("pods", pod(), pod(containers=[{**CONTAINER, "env": [{"name": "A"}]}]), ["spec"]),
        ("services", service(clusterIPs=["10.96.1.1"]), service(clusterIPs=["10.96.1.2"]), ["spec.clusterIPs[0]"]),
        ("services", service(clusterIPs=["10.96.1.1"]), service(type="ExternalName", externalName="a"), []),
        ("endpointslices", endpoint_slice(["10.0.0.1"]), endpoint_slice(["fd00::1"], "IPv6"), ["addressType"]),
        (
            "deployments",
            deployment(),
            deployment(selector={"matchExpressions": [{"key": "app", "operator": "Exists"}]}),
            ["spec.selector"],
        ),
        ("statefulsets", deployment(), deployment(replicas=3, minReadySeconds=1), []),
        ("statefulsets", deployment(serviceName="a"), deployment(serviceName="b"), ["spec"]),
        ("jobs", job(), job(parallelism=2, suspend=True), []),
        ("jobs", job(), job("OnFailure"), ["spec.template"]),
        ("jobs", job(suspend=True), job("OnFailure", suspend=True), []),
        ("jobs", job(completions=1), job(completions=2), ["spec.completions"]),
        ("configmaps", config_map(immutable=True), config_map(immutable=True, data={"a": "b"}), ["data"]),
        ("configmaps", config_map(immutable=True), config_map(), ["immutable"]),
    ],
    ids=str,
)
def test_refused_changes(resource: str, before: dict[str, Any], after: dict[str, Any], fields: list[str]) -> None:
    assert [cause.field for cause in check(BY_PLURAL[resource], after, before)] == fields
