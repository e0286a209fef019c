"""The kind config of one run: kind-config.yaml, completed from the options and the CNI's definition.

Invariant: the fields of the file are kept, except those that an option or the CNI's definition sets.
Specification: kind.sigs.k8s.io/docs/user/configuration (``kind.x-k8s.io/v1alpha4``).
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netpol_harness.backends.kind.images import NEEDS_CGROUP_2
from netpol_harness.errors import ClusterFailed
from netpol_harness.ip_family import IpFamily
from netpol_harness.scenario.shape import Report, anything, mapping, one_of, sequence, text
from netpol_harness.scenario.source import read
from netpol_harness.wellknown import RUN_LABEL

_API = "kind.x-k8s.io/v1alpha4"
_CONTROL_PLANE = "control-plane"
_CGROUP_1 = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\n"

_NODE = mapping({"role": one_of((_CONTROL_PLANE, "worker"), "a node's role")}, what="a node", rest=anything)
_CONFIG = mapping(
    {
        "kind": one_of(("Cluster",), "the kind of a kind config"),
        "apiVersion": one_of((_API,), "the version of a kind config"),
        "networking": mapping({"podSubnet": text("a subnet")}, what="a mapping of network settings", rest=anything),
        "nodes": sequence(_NODE, "a list of nodes", least=1),
    },
    required=("kind", "apiVersion"),
    what="a kind config",
    rest=anything,
)


_SUBNETS = {
    IpFamily.IPV4: {"podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/16"},
    IpFamily.IPV6: {"podSubnet": "fd00:10:244::/56", "serviceSubnet": "fd00:10:96::/112"},
}


@dataclass(frozen=True, slots=True)
class ClusterRequirements:
    """What overrides the file. ``networking`` comes from the CNI. ``minor`` is Kubernetes' minor version, if known."""

    nodes: int
    family: IpFamily
    run: str
    networking: Mapping[str, Any]
    cgroup: int = 2
    minor: int | None = None


def read_config(file: Path) -> dict[str, Any]:
    """Return kind-config.yaml as plain data. Raises ``ClusterFailed`` with a line for each problem in it."""
    documents, problems = read(file, str(file))
    report = Report()
    report.extend(problems)
    for document in documents:
        _CONFIG(document, report)
    if len(documents) != 1 and not problems:
        raise ClusterFailed(f"{file}:1: the file holds {len(documents)} documents; write exactly one kind config")
    if report.problems:
        raise ClusterFailed("\n".join(str(problem) for problem in sorted(report.problems)))
    data: dict[str, Any] = documents[0].plain()
    return data


def complete(config: Mapping[str, Any], required: ClusterRequirements) -> dict[str, Any]:
    """Return the config of one run. Raises ``ClusterFailed`` if the file has more control planes than ``nodes``."""
    completed: dict[str, Any] = deepcopy(dict(config))
    completed["networking"] = _networking(config.get("networking") or {}, required)
    completed["nodes"] = [_labelled(node, required.run) for node in _nodes(config.get("nodes") or (), required.nodes)]
    if required.cgroup == 1 and (required.minor is None or required.minor >= NEEDS_CGROUP_2):
        completed["kubeadmConfigPatches"] = [*(config.get("kubeadmConfigPatches") or ()), _CGROUP_1]
    return completed


def _networking(file: Mapping[str, Any], required: ClusterRequirements) -> dict[str, Any]:
    """IPv4 subnets are those of the file. IPv6 subnets are kind's defaults, since the file has none.

    The API of an IPv6 cluster keeps an IPv4 address: engines rarely publish ports on an IPv6 address of the host.
    """
    networking = {**file, "ipFamily": required.family.value}
    for key, ipv4 in _SUBNETS[IpFamily.IPV4].items():
        ipv4, ipv6 = str(file.get(key) or ipv4), _SUBNETS[IpFamily.IPV6][key]
        networking[key] = {IpFamily.IPV4: ipv4, IpFamily.IPV6: ipv6, IpFamily.DUAL: _both(ipv4, ipv6)}[required.family]
    if required.family is IpFamily.IPV6:
        networking.setdefault("apiServerAddress", "127.0.0.1")
    return {**networking, **required.networking}


def _both(ipv4: str, ipv6: str) -> str:
    return ipv4 if "," in ipv4 else f"{ipv4},{ipv6}"


def _nodes(file: Any, count: int) -> list[dict[str, Any]]:
    """Return ``count`` nodes: control planes and workers of the file, with workers dropped or added at the end."""
    nodes = [dict(node) for node in file] or [{"role": _CONTROL_PLANE}]
    planes = [node for node in nodes if node.get("role", _CONTROL_PLANE) == _CONTROL_PLANE]
    workers = [node for node in nodes if node not in planes]
    if count < len(planes):
        raise ClusterFailed(
            f"--nodes {count}: kind-config.yaml has {len(planes)} control-plane nodes; ask for more, or fix the file"
        )
    missing = count - len(planes) - len(workers)
    return [*planes, *workers[: count - len(planes)], *({"role": "worker"} for _ in range(missing))]


def _labelled(node: Mapping[str, Any], run: str) -> dict[str, Any]:
    return {**node, "labels": {**(node.get("labels") or {}), RUN_LABEL: run}}
