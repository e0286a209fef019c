"""The initial objects of every cluster: the ranges of Services, four namespaces, and the Service of the API itself with
its endpoints.
"""

from netpol_harness.emulator.address_plan import API_PORT, IPV4_ONLY, AddressPlan
from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.apiserver.service_families import SERVICE_CIDR
from netpol_harness.emulator.store import Store
from netpol_harness.model.endpoint_slices import SKIP_MIRROR_LABEL
from netpol_harness.wellknown import SERVICE_NAME_LABEL

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def bootstrap(store: Store, plan: AddressPlan = IPV4_ONLY) -> None:
    """Create the initial objects in an empty store: first the ranges of Services, which all others depend on."""
    ranges = {"metadata": {"name": SERVICE_CIDR}, "spec": {"cidrs": [str(f.services) for f in plan.families]}}
    store.create("servicecidrs", admit(store, "servicecidrs", ranges))
    for name in NAMESPACES:
        store.create("namespaces", admit(store, "namespaces", {"metadata": {"name": name}}))
    family = plan.primary
    labels = {"component": "apiserver", "provider": "kubernetes"}
    service = {
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {"clusterIP": family.kubernetes, "ports": [{"name": "https", "port": 443, "targetPort": API_PORT}]},
    }
    store.create("services", admit(store, "services", service))
    metadata, port = {"name": "kubernetes", "namespace": "default"}, {"name": "https", "port": API_PORT}
    slices = {
        "metadata": {**metadata, "labels": {SERVICE_NAME_LABEL: "kubernetes"}},
        "addressType": family.api_name,
        "ports": [port],
        "endpoints": [{"addresses": [family.control_plane], "conditions": {"ready": True}}],
    }
    store.create("endpointslices", admit(store, "endpointslices", slices))
    endpoints = {
        "metadata": {**metadata, "labels": {SKIP_MIRROR_LABEL: "true"}},
        "subsets": [{"addresses": [{"ip": family.control_plane}], "ports": [port]}],
    }
    store.create("endpoints", admit(store, "endpoints", endpoints))
