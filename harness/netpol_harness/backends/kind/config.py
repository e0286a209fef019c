"""The kind config of one run: kind-config.yaml, completed by options and by what the CNI needs.

Invariant: what the file says stays, but for what an option or the CNI's definition decides.
Specification: kind.sigs.k8s.io/docs/user/configuration (``kind.x-k8s.io/v1alpha4``).
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netpol_harness.backends.kind.images import NEEDS_CGROUP_2
from netpol_harness.backends.kind.options import IpFamily
from netpol_harness.errors import ClusterFailed
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
    """What decides over the file. ``networking`` is the CNI's say; ``minor`` is Kubernetes' minor version, if known."""

    nodes: int
    family: IpFamily
    run: str
    networking: Mapping[str, Any]
    cgroup: int = 2
    minor: int | None = None


def read_config(file: Path) -> dict[str, Any]:
    """kind-config.yaml as plain data. Raises ``ClusterFailed`` with a line for each thing that is wrong with it."""
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


def complete(config: Mapping[str, Any], wanted: ClusterRequirements) -> dict[str, Any]:
    """The config of one run. Raises ``ClusterFailed`` where the file has more control planes than nodes are wanted."""
    completed: dict[str, Any] = deepcopy(dict(config))
    completed["networking"] = _networking(config.get("networking") or {}, wanted)
    completed["nodes"] = [_labelled(node, wanted.run) for node in _nodes(config.get("nodes") or (), wanted.nodes)]
    if wanted.cgroup == 1 and (wanted.minor is None or wanted.minor >= NEEDS_CGROUP_2):
        completed["kubeadmConfigPatches"] = [*(config.get("kubeadmConfigPatches") or ()), _CGROUP_1]
    return completed


def _networking(written: Mapping[str, Any], wanted: ClusterRequirements) -> dict[str, Any]:
    """For IPv4 the file's subnets stand; the other families have kind's defaults, since the file says nothing of them.

    IPv6 clusters keep an IPv4 address for their API: engines rarely publish ports on the host's IPv6 side.
    """
    networking = {**written, "ipFamily": wanted.family.value}
    for key, ipv4 in _SUBNETS[IpFamily.IPV4].items():
        ipv4, ipv6 = str(written.get(key) or ipv4), _SUBNETS[IpFamily.IPV6][key]
        networking[key] = {IpFamily.IPV4: ipv4, IpFamily.IPV6: ipv6, IpFamily.DUAL: _both(ipv4, ipv6)}[wanted.family]
    if wanted.family is IpFamily.IPV6:
        networking.setdefault("apiServerAddress", "127.0.0.1")
    return {**networking, **wanted.networking}


def _both(ipv4: str, ipv6: str) -> str:
    return ipv4 if "," in ipv4 else f"{ipv4},{ipv6}"


def _nodes(written: Any, count: int) -> list[dict[str, Any]]:
    """So many nodes: those of the file first, workers dropped from its end or added to it."""
    nodes = [dict(node) for node in written] or [{"role": _CONTROL_PLANE}]
    planes = [node for node in nodes if node.get("role", _CONTROL_PLANE) == _CONTROL_PLANE]
    workers = [node for node in nodes if node not in planes]
    if count < len(planes):
        raise ClusterFailed(
            f"--nodes {count}: kind-config.yaml has {len(planes)} control-plane nodes; ask for more, or mend the file"
        )
    missing = count - len(planes) - len(workers)
    return [*planes, *workers[: count - len(planes)], *({"role": "worker"} for _ in range(missing))]


def _labelled(node: Mapping[str, Any], run: str) -> dict[str, Any]:
    return {**node, "labels": {**(node.get("labels") or {}), RUN_LABEL: run}}
