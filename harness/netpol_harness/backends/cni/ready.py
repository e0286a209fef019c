"""Wait for a cluster that comes up: its API, its nodes, its CNI, its name server; and restart its policy agent.

Invariant: when ``wait_ready`` returns, every node is Ready and every controller waited for has all its pods ready, in
their latest version. A pod that has failed for good ends the wait at once (``patience``). kind's own ``--wait`` is of
no use: without a CNI it always runs out, and ends with success.
"""

from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Any

from netpol_harness.backends.base import Progress, ignore
from netpol_harness.backends.cni.patch import ObjectPattern
from netpol_harness.backends.cni.patience import Patience
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, ClusterFailed, WorkloadFailed
from netpol_harness.kube import diagnose, wait
from netpol_harness.kube.client import Client
from netpol_harness.model.names import ObjectKey

NAME_SERVER = ObjectPattern("Deployment", "kube-system", "coredns")
_ACCOUNT = ObjectKey("v1", "ServiceAccount", "default", "default")
_INTERVAL = 0.5
_RESTART_INTERVAL = 0.2


def wait_api(client: Client, *, deadline: Deadline, progress: Progress = ignore) -> None:
    """Return once the API answers and pods can be made: their default ServiceAccount is there."""
    for _ in deadline.ticks(_INTERVAL):
        progress("waiting for the API server")
        try:
            if client.find(_ACCOUNT) is not None:
                return
            lack = "there is no default ServiceAccount: its controller manager does not run"
        except (ApiError, ClusterFailed) as error:
            lack = str(error)
    raise ClusterFailed(f"the cluster's API is not ready: {lack}; the exported logs (--report-dir) may say why")


def wait_ready(
    client: Client, controllers: Sequence[ObjectPattern], *, nodes: int, deadline: Deadline, progress: Progress = ignore
) -> None:
    """Return once so many nodes and all these controllers are ready. Raises ``ClusterFailed`` with what is not."""
    wanted = list(dict.fromkeys(controllers))
    namespaces = list(dict.fromkeys(target.namespace for target in wanted))
    patience = Patience()
    late: list[str] = []
    for _ in deadline.ticks(_INTERVAL):
        failed: list[str] = []
        try:
            late = [*_late_controllers(client, wanted), *_late_nodes(client, nodes)]
            failed = _failed(client, namespaces, patience) if late else []
        except (ApiError, ClusterFailed) as error:
            late = [str(error)]
        if not late:
            return
        if failed:
            raise ClusterFailed("\n".join(["the cluster will not become ready:", *late, *failed]))
        progress(f"waiting for {late[0]}")
    raise ClusterFailed("\n".join(["the cluster did not become ready:", *late, *_reasons(client, namespaces)]))


def restart_pods(client: Client, agent: ObjectPattern, *, deadline: Deadline) -> None:
    """Delete the pods of the DaemonSet ``agent``, and wait for their successors. Raises ``ClusterFailed``."""
    daemon = client.find(ObjectKey("apps/v1", agent.kind, agent.namespace, agent.name))
    if daemon is None:
        raise ClusterFailed(f"{agent}, the policy agent, is not there; is this cluster's CNI the one of --cni?")
    labels = ",".join(f"{name}={value}" for name, value in sorted(daemon["spec"]["selector"]["matchLabels"].items()))
    old = client.list("v1", "Pod", namespace=agent.namespace, labels=labels)
    for pod in old:
        client.delete(ObjectKey("v1", "Pod", agent.namespace, pod["metadata"]["name"]))
    wait.wait_gone(client, [ObjectKey.of(pod) for pod in old], deadline=deadline, interval=_RESTART_INTERVAL)
    for _ in wait.polls(deadline, _RESTART_INTERVAL):
        if len(client.list("v1", "Pod", namespace=agent.namespace, labels=labels)) >= len(old):
            break
    wait_ready(client, [agent], nodes=0, deadline=deadline)


def _failed(client: Client, namespaces: Sequence[str], patience: Patience) -> list[str]:
    """A line for each pod that is given up: why, and the end of its log; and for each that nobody lets be made."""
    pods = [pod for namespace in namespaces for pod in client.list("v1", "Pod", namespace=namespace)]
    refused = [event for namespace in namespaces for event in wait.refusals(client, namespace)]
    lines = [wait.pod_message(client, pod) for pod in patience.given_up(pods, monotonic())]
    return [*lines, *(diagnose.refusal_message(event) for event in refused if diagnose.is_permanent_refusal(event))]


def _late_controllers(client: Client, wanted: Sequence[ObjectPattern]) -> Iterator[str]:
    for target in wanted:
        data = client.find(ObjectKey("apps/v1", target.kind, target.namespace, target.name))
        if lack := "not there" if data is None else _lack(data):
            yield f"{target}: {lack}"


def _lack(controller: Mapping[str, Any]) -> str:
    """What a DaemonSet or Deployment still lacks; a DaemonSet that wants no pod yet has not been looked at."""
    spec, status = controller.get("spec") or {}, controller.get("status") or {}
    daemon = controller["kind"] == "DaemonSet"
    wanted = int((status.get("desiredNumberScheduled") if daemon else spec.get("replicas", 1)) or 0)
    ready = int(status.get("numberReady" if daemon else "readyReplicas") or 0)
    updated = int(status.get("updatedNumberScheduled" if daemon else "updatedReplicas") or 0)
    seen = int(status.get("observedGeneration") or 0) >= int(controller["metadata"].get("generation") or 0)
    if not seen or (daemon and not wanted):
        return "its controller has not seen it yet"
    return "" if min(ready, updated) >= wanted else f"{min(ready, updated)} of {wanted} pods ready"


def _late_nodes(client: Client, count: int) -> Iterator[str]:
    nodes = client.list("v1", "Node")
    if len(nodes) < count:
        yield f"nodes: {len(nodes)} of {count} have joined"
    for node in nodes:
        conditions = (node.get("status") or {}).get("conditions") or ()
        ready: Mapping[str, Any] = next((c for c in conditions if c.get("type") == "Ready"), {})
        if ready.get("status") != "True":
            yield f"node {node['metadata']['name']}: not Ready ({ready.get('message') or 'no reason given'})"


def _reasons(client: Client, namespaces: Sequence[str]) -> list[str]:
    """Why the pods of these namespaces are not ready, each with its last event."""
    try:
        wait.wait_ready(client, namespaces, deadline=Deadline(0), interval=_INTERVAL)
    except (WorkloadFailed, ApiError, ClusterFailed) as error:
        return str(error).splitlines()
    return []
