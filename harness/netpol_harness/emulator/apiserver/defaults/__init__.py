"""Defaults for fields that a client omits (``pkg/apis/*/defaults.go`` and the usual admission plugins).

Objects are edited in place: they have just been decoded, or cloned from the store.
"""

from collections.abc import Callable, Mapping

from netpol_harness.emulator.apiserver.defaults import access, core, definition, pod, storage, workload
from netpol_harness.model.json_object import JsonObject


def apply_defaults(plural: str, obj: JsonObject) -> None:
    """Fill in the defaults of one object."""
    if plural in _DEFAULTS:
        _DEFAULTS[plural](obj)


_DEFAULTS: Mapping[str, Callable[[JsonObject], None]] = {
    "clusterrolebindings": access.default_role_binding,
    "cronjobs": workload.default_cron_job,
    "customresourcedefinitions": definition.default_definition,
    "daemonsets": workload.default_daemon_set,
    "deploymentconfigs": workload.default_deployment_config,
    "deployments": workload.default_deployment,
    "endpoints": core.default_endpoints,
    "endpointslices": core.default_endpoint_slice,
    "horizontalpodautoscalers": workload.default_autoscaler,
    "jobs": workload.default_job,
    "mutatingwebhookconfigurations": access.default_webhooks,
    "namespaces": core.default_namespace,
    "networkpolicies": core.default_network_policy,
    "persistentvolumeclaims": storage.default_claim,
    "persistentvolumes": storage.default_volume,
    "pods": pod.default_pod,
    "replicasets": workload.default_replica_set,
    "replicationcontrollers": workload.default_replication_controller,
    "rolebindings": access.default_role_binding,
    "secrets": core.default_secret,
    "services": core.default_service,
    "statefulsets": workload.default_stateful_set,
    "storageclasses": storage.default_storage_class,
    "validatingwebhookconfigurations": access.default_webhooks,
}
