"""The official client's typed API: `python official_typed.py KUBECONFIG`."""

import sys
from typing import Any

import pytest
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ConflictException
from kubernetes.stream import stream

SPACE = "official"


def main() -> None:
    config.load_kube_config(sys.argv[1])
    assert client.VersionApi().get_code().git_version.startswith("v1.")
    core, apps = client.CoreV1Api(), client.AppsV1Api()
    networking: Any = client.NetworkingV1Api()
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=SPACE)))
    labels = {"app": "web"}
    container = client.V1Container(name="c", image="nginx", ports=[client.V1ContainerPort(container_port=80)])
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
    )
    selector = client.V1LabelSelector(match_labels=labels)
    spec = client.V1DeploymentSpec(replicas=2, selector=selector, template=template)
    apps.create_namespaced_deployment(SPACE, client.V1Deployment(metadata=client.V1ObjectMeta(name="web"), spec=spec))
    names = ready_pods(core, 2)
    session = stream(
        core.connect_get_namespaced_pod_exec, names[0], SPACE, command=["sh", "-c", "echo hi; exit 3"],
        stdout=True, stderr=True, _preload_content=False,
    )  # fmt: skip
    session.run_forever(timeout=10)
    assert (session.returncode, session.read_stdout()) == (3, "hi\n")
    everything = client.V1NetworkPolicySpec(pod_selector=client.V1LabelSelector())
    policy = client.V1NetworkPolicy(metadata=client.V1ObjectMeta(name="deny"), spec=everything)
    assert networking.create_namespaced_network_policy(SPACE, policy).spec.policy_types == ["Ingress"]
    assert networking.list_network_policy_for_all_namespaces(field_selector=f"metadata.namespace={SPACE}").items
    scaled: Any = apps.patch_namespaced_deployment_scale("web", SPACE, {"spec": {"replicas": 1}})
    assert scaled.spec.replicas == 1
    found: Any = apps.read_namespaced_deployment("web", SPACE)
    found.metadata.annotations = {"note": "1"}
    found.metadata.resource_version = "1"
    with pytest.raises(ConflictException):
        apps.replace_namespaced_deployment("web", SPACE, found)
    core.delete_namespace(SPACE)


def ready_pods(core: client.CoreV1Api, count: int) -> list[str]:
    """Return the names of this many pods, as soon as a watch has shown them Running."""
    running: set[str] = set()
    watcher = watch.Watch()
    for event in watcher.stream(core.list_namespaced_pod, SPACE, label_selector="app=web", timeout_seconds=20):
        pod = event["object"]
        if pod.status.phase == "Running":
            running.add(pod.metadata.name)
        if len(running) == count:
            watcher.stop()
    assert len(running) == count, running
    return sorted(running)


main()
