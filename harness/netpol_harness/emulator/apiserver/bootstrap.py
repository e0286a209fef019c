"""The initial objects of every cluster: four namespaces and the Service of the API itself."""

from netpol_harness.emulator.address_plan import KUBERNETES_ADDRESS
from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.store import Store

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def bootstrap(store: Store) -> None:
    """Create the initial objects in an empty store."""
    for name in NAMESPACES:
        store.create("namespaces", admit(store, "namespaces", {"metadata": {"name": name}}))
    labels = {"component": "apiserver", "provider": "kubernetes"}
    service = {
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {"clusterIP": KUBERNETES_ADDRESS, "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
    }
    store.create("services", admit(store, "services", service))
