"""Restarting what turns policies into rules on each node: the pods of a CNI's own DaemonSet are deleted, and come back.

Invariant: ``restart`` returns once none of the old pods is left and all the new ones are ready.
"""

from netpol_harness.backends.cni.patch import ObjectPattern
from netpol_harness.backends.cni.ready import wait_ready
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ClusterFailed
from netpol_harness.kube.client import Client
from netpol_harness.kube.wait import polls, wait_gone
from netpol_harness.model.names import ObjectKey

_INTERVAL = 0.2


def restart(client: Client, agent: ObjectPattern, *, deadline: Deadline) -> None:
    """Delete the pods of the DaemonSet ``agent``, and wait for their successors. Raises ``ClusterFailed``."""
    daemon = client.find(ObjectKey("apps/v1", agent.kind, agent.namespace, agent.name))
    if daemon is None:
        raise ClusterFailed(f"{agent}, the policy agent, is not there; is this cluster's CNI the one of --cni?")
    labels = ",".join(f"{name}={value}" for name, value in sorted(daemon["spec"]["selector"]["matchLabels"].items()))
    old = client.list("v1", "Pod", namespace=agent.namespace, labels=labels)
    for pod in old:
        client.delete(ObjectKey("v1", "Pod", agent.namespace, pod["metadata"]["name"]))
    wait_gone(client, [ObjectKey.of(pod) for pod in old], deadline=deadline, interval=_INTERVAL)
    for _ in polls(deadline, _INTERVAL):
        if len(client.list("v1", "Pod", namespace=agent.namespace, labels=labels)) >= len(old):
            break
    wait_ready(client, [agent], nodes=0, deadline=deadline)
