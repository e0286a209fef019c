"""Who is there right now: live pods, Services and external hosts, under the scenario's own names. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from netpol_harness.errors import WorkloadFailed
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, Service
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.probe.question import Speech
from netpol_harness.runner.udp_servers import speeches
from netpol_harness.scenario.placement import Placement
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION

_NAME_SERVER = {"k8s-app": "kube-dns"}


@dataclass(frozen=True, slots=True)
class RunningPod:
    """A live pod, the logical name of what it belongs to (its controller, or itself), and its node's address."""

    pod: Pod
    owner: NamespacedName
    node_address: str


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """Live objects. ``pods`` holds the scenario's pods by owner; keys are logical names, values hold real ones.

    ``uids`` are those of all the objects; ``ended`` are pods that have done their work, and only are listed still.
    ``speeches`` says by pod what its UDP ports understand, as far as that is known.
    """

    pods: Mapping[NamespacedName, tuple[RunningPod, ...]]
    services: Mapping[NamespacedName, Service]
    externals: Mapping[str, Pod]
    name_servers: tuple[Pod, ...]
    placement: Placement
    uids: frozenset[str] = frozenset()
    ended: Mapping[NamespacedName, tuple[RunningPod, ...]] = field(default_factory=dict)
    speeches: Mapping[NamespacedName, Mapping[int, Speech]] = field(default_factory=dict)

    @classmethod
    def of(cls, objects: Collection[Mapping[str, Any]], placement: Placement) -> "ClusterSnapshot":
        """Sort live API objects (Pods and Services, any namespace). Pods that are being deleted no longer count."""
        pods: dict[NamespacedName, list[RunningPod]] = {}
        ended: dict[NamespacedName, list[RunningPod]] = {}
        services, externals, name_servers = {}, {}, []
        spoken: dict[NamespacedName, Mapping[int, Speech]] = {}
        for data in objects:
            if data["kind"] == "Service":
                service = Service.parse(data)
                services[NamespacedName(placement.logical(service.ref.namespace), service.ref.name)] = service
            elif "deletionTimestamp" not in data["metadata"]:
                live = _live_pod(data, placement)
                spoken[live.pod.ref] = speeches(data)
                if EXTERNAL_HOST_ANNOTATION in (data["metadata"].get("annotations") or {}):
                    externals[live.pod.ref.name] = live.pod
                elif live.pod.ref.namespace == "kube-system" and _NAME_SERVER.items() <= live.pod.labels.items():
                    name_servers.append(live.pod)
                else:
                    (pods if live.pod.running else ended).setdefault(live.owner, []).append(live)
        uids = frozenset(data["metadata"].get("uid", "") for data in objects)
        there, gone = ({k: tuple(v) for k, v in found.items()} for found in (pods, ended))
        return cls(there, services, externals, tuple(name_servers), placement, uids, gone, spoken)

    @property
    def addresses(self) -> KnownAddresses:
        """Those of workloads that are one pod, and of external hosts; several pods have none in common."""
        pods = {owner: live[0].pod.addresses for owner, live in self.pods.items() if len(live) == 1}
        return KnownAddresses(pods, {name: host.addresses for name, host in self.externals.items()})

    def pods_of(self, workload: NamespacedName) -> tuple[RunningPod, ...]:
        """The live pods of a workload, at least one; ``WorkloadFailed`` if there is none."""
        if not (found := self.pods.get(workload)):
            raise WorkloadFailed(f"{workload} has no running pod; see `kubectl -n {workload.namespace} get pods`")
        return found

    def pods_ever_of(self, workload: NamespacedName) -> tuple[RunningPod, ...]:
        """Its live pods, and those that have ended, at least one; ``WorkloadFailed`` if there is none."""
        return (*self.pods.get(workload, ()), *self.ended.get(workload, ())) or self.pods_of(workload)

    def backing(self, service: Service) -> tuple[Pod, ...]:
        """The pods behind a Service, by its selector."""
        return tuple(live.pod for owned in self.pods.values() for live in owned if service.backs(live.pod))


def _live_pod(data: Mapping[str, Any], placement: Placement) -> RunningPod:
    pod = Pod.parse(data)
    owner = NamespacedName(placement.logical(pod.ref.namespace), _owner_name(data))
    return RunningPod(pod, owner, (data.get("status") or {}).get("hostIP") or "")


def _owner_name(data: Mapping[str, Any]) -> str:
    """The name of the workload that a manifest gave: a Deployment's ReplicaSet is named after it, plus a hash."""
    for owner in data["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            name = str(owner["name"])
            is_hashed = "pod-template-hash" in (data["metadata"].get("labels") or {})
            return name.rpartition("-")[0] if owner["kind"] == "ReplicaSet" and is_hashed else name
    return str(data["metadata"]["name"])
