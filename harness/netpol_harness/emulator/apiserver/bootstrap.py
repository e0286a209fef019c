"""The initial objects of every cluster: four namespaces, and the Service of the API itself with its endpoints."""

from netpol_harness.emulator.address_plan import API_PORT, CONTROL_PLANE_ADDRESS, KUBERNETES_ADDRESS
from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.store import Store
from netpol_harness.model.endpoint_slices import SKIP_MIRROR_LABEL
from netpol_harness.wellknown import SERVICE_NAME_LABEL

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def bootstrap(store: Store) -> None:
    """Create the initial objects in an empty store."""
    for name in NAMESPACES:
        store.create("namespaces", admit(store, "namespaces", {"metadata": {"name": name}}))
    labels = {"component": "apiserver", "provider": "kubernetes"}
    service = {
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {"clusterIP": KUBERNETES_ADDRESS, "ports": [{"name": "https", "port": 443, "targetPort": API_PORT}]},
    }
    store.create("services", admit(store, "services", service))
    metadata, port = {"name": "kubernetes", "namespace": "default"}, {"name": "https", "port": API_PORT}
    slices = {
        "metadata": {**metadata, "labels": {SERVICE_NAME_LABEL: "kubernetes"}},
        "addressType": "IPv4",
        "ports": [port],
        "endpoints": [{"addresses": [CONTROL_PLANE_ADDRESS], "conditions": {"ready": True}}],
    }
    store.create("endpointslices", admit(store, "endpointslices", slices))
    endpoints = {
        "metadata": {**metadata, "labels": {SKIP_MIRROR_LABEL: "true"}},
        "subsets": [{"addresses": [{"ip": CONTROL_PLANE_ADDRESS}], "ports": [port]}],
    }
    store.create("endpoints", admit(store, "endpoints", endpoints))
