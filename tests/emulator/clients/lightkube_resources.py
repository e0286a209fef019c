"""lightkube: `python lightkube_resources.py KUBECONFIG`."""

import sys
from typing import Any

import pytest
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.models.core_v1 import Container, PodSpec, ServicePort, ServiceSpec
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.models.networking_v1 import NetworkPolicySpec
from lightkube.resources.core_v1 import ConfigMap, Namespace, Pod, Service
from lightkube.resources.networking_v1 import NetworkPolicy
from lightkube.types import PatchType

SPACE = "lightkube"


def main() -> None:
    client = Client(config=KubeConfig.from_file(sys.argv[1]).get(), namespace=SPACE, field_manager="script")
    client.create(Namespace(metadata=ObjectMeta(name=SPACE)))
    pod = Pod(
        metadata=ObjectMeta(name="p", labels={"app": "web"}),
        spec=PodSpec(containers=[Container(name="c", image="nginx")]),
    )
    client.create(pod)
    client.wait(Pod, "p", for_conditions=["Ready"])
    policy = NetworkPolicy(metadata=ObjectMeta(name="deny"), spec=NetworkPolicySpec(podSelector=LabelSelector()))
    created: Any = client.create(policy)
    assert created.spec.policyTypes == ["Ingress"]
    service: Any = client.create(
        Service(metadata=ObjectMeta(name="s"), spec=ServiceSpec(selector={"app": "web"}, ports=[ServicePort(port=80)]))
    )
    service.spec.ports[0].targetPort = 8080
    replaced: Any = client.replace(service)
    assert replaced.spec.ports[0].targetPort == 8080
    assert client.apply(config("1")).data == {"a": "1"}
    with pytest.raises(ApiError, match=r'conflict with "script": \.data\.a'):
        client.apply(config("2"), field_manager="other")
    client.patch(Pod, "p", {"metadata": {"labels": {"tier": "front"}}}, patch_type=PatchType.MERGE)
    selected: list[Any] = list(client.list(Pod, labels={"tier": "front"}))
    assert [pod.metadata.name for pod in selected] == ["p"]
    event: Any = next(iter(client.watch(Pod, fields={"metadata.name": "p"})))
    assert (event[0], event[1].metadata.labels["tier"]) == ("ADDED", "front")
    client.delete(Namespace, SPACE)


def config(value: str) -> ConfigMap:
    return ConfigMap(apiVersion="v1", kind="ConfigMap", metadata=ObjectMeta(name="c"), data={"a": value})


main()
