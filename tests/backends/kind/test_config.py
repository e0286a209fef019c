"""The kind config of a run."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.kind.config import ClusterRequirements, complete, read_config
from netpol_harness.errors import ClusterFailed
from netpol_harness.ip_family import IpFamily
from netpol_harness.wellknown import RUN_LABEL

FILE: dict[str, Any] = {"nodes": [{"role": "control-plane"}, {"role": "worker", "extraMounts": ["kept"]}]}


def wanted(**given: Any) -> ClusterRequirements:
    return ClusterRequirements(**{"nodes": 3, "family": IpFamily.IPV4, "run": "r", "networking": {}, **given})


def test_the_shipped_file_is_a_kind_config() -> None:
    config = read_config(Path(str(files("netpol_harness") / "kind-config.yaml")))
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]
    assert config["networking"]["podSubnet"] == "10.244.0.0/16"
    assert complete(config, wanted())["apiVersion"] == "kind.x-k8s.io/v1alpha4"


@pytest.mark.parametrize(
    ("count", "roles"),
    [(1, ["control-plane"]), (2, ["control-plane", "worker"]), (4, ["control-plane"] + 3 * ["worker"])],
)
def test_nodes_are_dropped_and_added(count: int, roles: list[str]) -> None:
    nodes = complete(FILE, wanted(nodes=count))["nodes"]
    assert [node["role"] for node in nodes] == roles
    assert all(node["labels"] == {RUN_LABEL: "r"} for node in nodes)
    assert [node.get("extraMounts") for node in nodes[1:2]] == [["kept"]][: count - 1]


def test_control_planes_are_never_dropped() -> None:
    with pytest.raises(ClusterFailed, match="has 2 control-plane nodes"):
        complete({"nodes": [{"role": "control-plane"}, {"role": "control-plane"}]}, wanted(nodes=1))


@pytest.mark.parametrize(
    ("family", "pods", "services"),
    [
        (IpFamily.IPV4, "10.1.0.0/16", "10.96.0.0/16"),
        (IpFamily.IPV6, "fd00:10:244::/56", "fd00:10:96::/112"),
        (IpFamily.DUAL, "10.1.0.0/16,fd00:10:244::/56", "10.96.0.0/16,fd00:10:96::/112"),
    ],
)
def test_subnets_follow_the_family(family: IpFamily, pods: str, services: str) -> None:
    config = {**FILE, "networking": {"podSubnet": "10.1.0.0/16", "dnsSearch": []}}
    networking = complete(config, wanted(family=family))["networking"]
    assert (networking["ipFamily"], networking["podSubnet"], networking["serviceSubnet"]) == (family, pods, services)
    assert networking["dnsSearch"] == []
    assert ("apiServerAddress" in networking) == (family is IpFamily.IPV6)


def test_the_cni_overrides_the_network_settings() -> None:
    config = {**FILE, "networking": {"disableDefaultCNI": True}}
    completed = complete(config, wanted(networking={"disableDefaultCNI": False, "kubeProxyMode": "nftables"}))
    assert completed["networking"]["disableDefaultCNI"] is False
    assert completed["networking"]["kubeProxyMode"] == "nftables"
    assert config["networking"] == {"disableDefaultCNI": True}, "the file's data are left alone"


@pytest.mark.parametrize(("cgroup", "minor", "patches"), [(1, 35, 2), (1, None, 2), (1, 34, 1), (2, 36, 1)])
def test_the_kubelet_is_configured_to_allow_cgroup_1(cgroup: int, minor: int | None, patches: int) -> None:
    config = {**FILE, "kubeadmConfigPatches": ["own"]}
    own, *ours = complete(config, wanted(cgroup=cgroup, minor=minor))["kubeadmConfigPatches"]
    assert own == "own"
    assert len(ours) == patches - 1
    assert all("failCgroupV1: false" in patch for patch in ours)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: Clutser\napiVersion: kind.x-k8s.io/v1alpha4\n", "k.yaml:1:7: 'Clutser' is not the kind"),
        ("kind: Cluster\n", "'apiVersion' is missing"),
        ("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: boss}]\n", "'boss' is not a node's role"),
        ("kind: Cluster\n---\nkind: Cluster\n", "2 documents"),
        ("kind: [\n", "k.yaml:"),
    ],
)
def test_files_that_are_not_a_kind_config(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "k.yaml"
    file.write_text(text)
    with pytest.raises(ClusterFailed, match=r".*") as caught:
        read_config(file)
    assert expected in str(caught.value)
