"""Creates the objects that an agent needs, over the cluster's API. Apart from the backend: its client takes 0.3 s to
import, and clusters without an agent start without it.
"""

from collections.abc import Sequence

from netpol_harness.backends.base import Cluster
from netpol_harness.backends.cni.install import install
from netpol_harness.deadline import Deadline
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.model.json_object import JsonObject


def create_objects(cluster: Cluster, objects: Sequence[JsonObject]) -> None:
    """Create the objects and wait until the API serves them. Raises what ``install`` does."""
    client = Client(Access.from_kubeconfig(cluster.kubeconfig, cluster.context))
    install(client, objects, deadline=Deadline(cluster.timeouts.cluster))
