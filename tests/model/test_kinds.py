"""Every kind has a class, by what its objects mean for connectivity."""

from typing import Any

import pytest

from netpol_harness.model.kinds import (
    GroupKind,
    KindClass,
    is_cluster_scoped,
    makes_pods,
    pod_selector,
    pod_template,
    wanted_pods,
    with_pod_labels,
)

TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c"}]}}


def thing(api: str, **fields: Any) -> dict[str, Any]:
    version, _, kind = api.rpartition("/")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, **fields}


def of_template(api: str) -> dict[str, Any]:
    return thing(api, spec={"template": TEMPLATE})


@pytest.mark.parametrize(
    ("data", "kind_class"),
    [
        (thing("v1/Pod"), KindClass.WORKLOAD),
        (of_template("v1/ReplicationController"), KindClass.WORKLOAD),
        (of_template("apps/v1/StatefulSet"), KindClass.WORKLOAD),
        (of_template("batch/v1/Job"), KindClass.WORKLOAD),
        (thing("batch/v1/CronJob", spec={"jobTemplate": {"spec": {"template": TEMPLATE}}}), KindClass.WORKLOAD),
        (of_template("apps.openshift.io/v1/DeploymentConfig"), KindClass.WORKLOAD),
        (of_template("argoproj.io/v1alpha1/Rollout"), KindClass.WORKLOAD),
        (of_template("serving.knative.dev/v1/Service"), KindClass.WORKLOAD),
        (thing("argoproj.io/v1alpha1/Rollout", spec={"workloadRef": {"name": "web"}}), KindClass.OTHER),
        (thing("v1/PodTemplate", template=TEMPLATE), KindClass.OTHER),
        (thing("v1/Service"), KindClass.CONNECTIVITY),
        (thing("v1/Namespace"), KindClass.CONNECTIVITY),
        (thing("v1/Endpoints"), KindClass.CONNECTIVITY),
        (thing("discovery.k8s.io/v1/EndpointSlice"), KindClass.CONNECTIVITY),
        (thing("networking.k8s.io/v1/NetworkPolicy"), KindClass.NETWORK_POLICY),
        (thing("projectcalico.org/v3/NetworkPolicy"), KindClass.FOREIGN_POLICY),
        (thing("policy.networking.k8s.io/v1alpha2/ClusterNetworkPolicy"), KindClass.CLUSTER_POLICY),
        (thing("policy.networking.k8s.io/v1alpha1/AdminNetworkPolicy"), KindClass.FOREIGN_POLICY),
        (thing("crd.antrea.io/v1beta1/ClusterNetworkPolicy"), KindClass.FOREIGN_POLICY),
        (thing("cilium.io/v2/CiliumClusterwideNetworkPolicy"), KindClass.FOREIGN_POLICY),
        (thing("security.istio.io/v1/AuthorizationPolicy"), KindClass.FOREIGN_POLICY),
        (thing("security.istio.io/v1/PeerAuthentication"), KindClass.FOREIGN_POLICY),
        (of_template("example.org/v1/PodPolicy"), KindClass.FOREIGN_POLICY),
        (thing("networking.k8s.io/v1/Ingress"), KindClass.OTHER),
        (thing("policy/v1/PodDisruptionBudget"), KindClass.OTHER),
        (thing("policy/v1beta1/PodSecurityPolicy"), KindClass.OTHER),
        (thing("admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"), KindClass.OTHER),
        (thing("monitoring.coreos.com/v1/ServiceMonitor", spec={"template": "text"}), KindClass.OTHER),
        (thing("apiextensions.k8s.io/v1/CustomResourceDefinition"), KindClass.OTHER),
    ],
    ids=lambda value: f"{value['apiVersion']}/{value['kind']}" if isinstance(value, dict) else None,
)
def test_every_kind_has_a_class(data: dict[str, Any], kind_class: KindClass) -> None:
    assert KindClass.of(data) is kind_class
    assert makes_pods(data) is (kind_class is KindClass.WORKLOAD)


@pytest.mark.parametrize(
    ("version", "kind", "text"),
    [
        ("v1", "Service", "Service"),
        ("apps/v1", "Deployment", "Deployment"),
        ("serving.knative.dev/v1", "Service", "Service.serving.knative.dev"),
        ("batch.volcano.sh/v1alpha1", "Job", "Job.batch.volcano.sh"),
        ("projectcalico.org/v3", "NetworkPolicy", "NetworkPolicy.projectcalico.org"),
        ("apps.openshift.io/v1", "DeploymentConfig", "DeploymentConfig"),
        ("monitoring.coreos.com/v1", "ServiceMonitor", "ServiceMonitor"),
        ("extensions/v1beta1", "Deployment", "Deployment"),
    ],
)
def test_a_kind_is_called_by_its_group_too_if_the_bare_name_means_another(version: str, kind: str, text: str) -> None:
    assert str(GroupKind.in_version(version, kind)) == text


@pytest.mark.parametrize(
    ("version", "kind", "scoped"),
    [
        ("v1", "Namespace", True),
        ("v1", "Pod", False),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", True),
        ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", True),
        ("cert-manager.io/v1", "ClusterIssuer", True),
        ("cert-manager.io/v1", "Issuer", False),
        ("projectcalico.org/v3", "GlobalNetworkPolicy", True),
        ("crd.projectcalico.org/v1", "IPPool", True),
        ("postgresql.cnpg.io/v1", "Cluster", False),
        ("operators.coreos.com/v1alpha1", "ClusterServiceVersion", False),
    ],
)
def test_the_scope_of_a_kind_is_known_or_told_by_its_name(version: str, kind: str, scoped: bool) -> None:  # noqa: FBT001 - a parametrized expectation
    assert is_cluster_scoped(GroupKind.in_version(version, kind)) is scoped


def test_the_template_of_a_cron_job_is_that_of_its_jobs() -> None:
    data = thing("batch/v1/CronJob", spec={"jobTemplate": {"spec": {"template": TEMPLATE}}})
    assert pod_template(data) == TEMPLATE


@pytest.mark.parametrize(
    ("kind", "selector", "requirements"),
    [
        ("apps/v1/Deployment", {"matchLabels": {"app": "x"}}, ["app"]),
        ("apps/v1/ReplicaSet", {"matchExpressions": [{"key": "a", "operator": "Exists"}]}, ["a"]),
        ("v1/ReplicationController", {"app": "x", "tier": "y"}, ["app", "tier"]),
        ("batch/v1/Job", {"matchLabels": {"controller-uid": "x"}}, None),
        ("v1/Pod", {}, None),
    ],
)
def test_a_controller_finds_its_pods_by_a_selector(
    kind: str, selector: dict[str, Any], requirements: list[str] | None
) -> None:
    api_version, _, name = kind.rpartition("/")
    found = pod_selector({"apiVersion": api_version, "kind": name, "spec": {"selector": selector}})
    assert requirements == (None if found is None else [requirement.key for requirement in found.requirements])


def test_labels_of_pods_are_changed_where_the_template_is() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"x": "y"}}}
    assert with_pod_labels(pod, {"a": "b"})["metadata"] == {"name": "a", "labels": {"a": "b"}}
    job = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "a"}, "spec": {"schedule": "s"}}
    changed = with_pod_labels(job, {"a": "b"})
    assert pod_template(changed)["metadata"] == {"labels": {"a": "b"}}
    assert (changed["spec"]["schedule"], changed["metadata"]) == ("s", {"name": "a"})


def test_a_pod_is_its_own_template() -> None:
    assert pod_template(thing("v1/Pod", spec={"containers": []}))["spec"] == {"containers": []}


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (thing("v1/Pod"), 1),
        (thing("apps/v1/Deployment", spec={}), 1),
        (thing("apps/v1/Deployment", spec={"replicas": None}), 1),
        (thing("apps/v1/Deployment", spec={"replicas": 0}), 0),
        (thing("batch/v1/Job", spec={"parallelism": 3, "replicas": 7}), 3),
        (thing("batch/v1/CronJob", spec={}), 1),
        (thing("batch/v1/CronJob", spec={"jobTemplate": {"spec": {"parallelism": 2}}}), 2),
    ],
)
def test_a_workload_asks_for_pods(data: dict[str, Any], number: int) -> None:
    assert wanted_pods(data) == number
