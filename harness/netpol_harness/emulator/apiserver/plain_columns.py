"""The columns of kinds without a meaning in this cluster, in kubectl's order (``pkg/printers/internalversion``)."""

from collections.abc import Mapping, Sequence

from netpol_harness.emulator.apiserver.cells import AGE, NAME, NONE, at, conditions
from netpol_harness.emulator.apiserver.table import Column
from netpol_harness.model.json_object import JsonMapping

_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _ingress_hosts(ingress: JsonMapping) -> str:
    hosts = [rule["host"] for rule in ingress["spec"].get("rules", ()) if rule.get("host")]
    return ",".join(hosts) or "*"


def _ingress_addresses(ingress: JsonMapping) -> str:
    entries = ingress.get("status", {}).get("loadBalancer", {}).get("ingress", ())
    return ",".join(entry.get("ip") or entry.get("hostname", "") for entry in entries)


def _ingress_ports(ingress: JsonMapping) -> str:
    return "80, 443" if ingress["spec"].get("tls") else "80"


def _access_modes(obj: JsonMapping) -> str:
    return ",".join(_MODES.get(mode, mode) for mode in obj["spec"].get("accessModes", ()))


def _scaled(autoscaler: JsonMapping) -> str:
    target = autoscaler["spec"].get("scaleTargetRef", {})
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _role(binding: JsonMapping) -> str:
    role = binding.get("roleRef", {})
    return f"{role.get('kind', '')}/{role.get('name', '')}"


def _webhooks(configuration: JsonMapping) -> int:
    return len(configuration.get("webhooks", ()))


def _availability(service: JsonMapping) -> str:
    return conditions(service).get("Available", "Unknown")


def _backend(service: JsonMapping) -> str:
    reference = service["spec"].get("service")
    return f"{reference['namespace']}/{reference['name']}" if reference else "Local"


def _class_parameters(ingress_class: JsonMapping) -> str:
    parameters = ingress_class.get("spec", {}).get("parameters")
    if not parameters:
        return NONE
    kind = ".".join(filter(None, (parameters["kind"], parameters.get("apiGroup"))))
    return f"{kind}/{parameters['name']}"


_CREATION_COLUMNS = (NAME, Column("Created At", at("metadata", "creationTimestamp")))
_BINDING_COLUMNS = (NAME, Column("Role", _role), AGE)
PLAIN_COLUMNS: Mapping[str, Sequence[Column]] = {
    "apiservices": (NAME, Column("Service", _backend), Column("Available", _availability), AGE),
    "clusterrolebindings": _BINDING_COLUMNS,
    "clusterroles": _CREATION_COLUMNS,
    "customresourcedefinitions": _CREATION_COLUMNS,
    "horizontalpodautoscalers": (
        NAME,
        Column("Reference", _scaled),
        Column("Targets", lambda autoscaler: "<unknown>"),
        Column("MinPods", at("spec", "minReplicas", default="<unset>")),
        Column("MaxPods", at("spec", "maxReplicas"), type="integer"),
        Column("Replicas", at("status", "currentReplicas", default=0), type="integer"),
        AGE,
    ),
    "ingressclasses": (
        NAME,
        Column("Controller", at("spec", "controller")),
        Column("Parameters", _class_parameters),
        AGE,
    ),
    "ingresses": (
        NAME,
        Column("Class", at("spec", "ingressClassName")),
        Column("Hosts", _ingress_hosts),
        Column("Address", _ingress_addresses),
        Column("Ports", _ingress_ports),
        AGE,
    ),
    "leases": (NAME, Column("Holder", at("spec", "holderIdentity", default="")), AGE),
    "mutatingwebhookconfigurations": (NAME, Column("Webhooks", _webhooks, type="integer"), AGE),
    "persistentvolumeclaims": (
        NAME,
        Column("Status", at("status", "phase", default="")),
        Column("Volume", at("spec", "volumeName", default="")),
        Column("Capacity", at("status", "capacity", "storage", default="")),
        Column("Access Modes", _access_modes),
        Column("StorageClass", at("spec", "storageClassName", default="")),
        AGE,
        Column("VolumeMode", at("spec", "volumeMode", default="<unset>"), wide=True),
    ),
    "persistentvolumes": (
        NAME,
        Column("Capacity", at("spec", "capacity", "storage", default="")),
        Column("Access Modes", _access_modes),
        Column("Reclaim Policy", at("spec", "persistentVolumeReclaimPolicy", default="")),
        Column("Status", at("status", "phase", default="")),
        Column("StorageClass", at("spec", "storageClassName", default="")),
        AGE,
    ),
    "poddisruptionbudgets": (
        NAME,
        Column("Min Available", at("spec", "minAvailable", default="N/A")),
        Column("Max Unavailable", at("spec", "maxUnavailable", default="N/A")),
        Column("Allowed Disruptions", at("status", "disruptionsAllowed", default=0), type="integer"),
        AGE,
    ),
    "priorityclasses": (
        NAME,
        Column("Value", at("value", default=0), type="integer"),
        Column("Global-Default", lambda each: bool(each.get("globalDefault")), type="boolean"),
        AGE,
    ),
    "rolebindings": _BINDING_COLUMNS,
    "roles": _CREATION_COLUMNS,
    "storageclasses": (
        NAME,
        Column("Provisioner", at("provisioner")),
        Column("ReclaimPolicy", at("reclaimPolicy", default="Delete")),
        Column("VolumeBindingMode", at("volumeBindingMode", default="Immediate")),
        Column("AllowVolumeExpansion", lambda each: bool(each.get("allowVolumeExpansion")), type="boolean"),
        AGE,
    ),
    "validatingwebhookconfigurations": (NAME, Column("Webhooks", _webhooks, type="integer"), AGE),
}
